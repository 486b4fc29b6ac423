package store

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>

// What SQLite has freed is kept by glibc's arenas, one for each thread that has met another in malloc: those of a busy
// hour stay for ever. With a single writer threads seldom meet, so one arena will do, and gives back what is free at its end.
// It is said before main, as glibc counts the arenas that there may be when the second thread begins.
__attribute__((constructor)) static void one_arena(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 << 10);
}
#endif
*/
import "C"
