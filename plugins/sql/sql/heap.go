package sql

// #include <stdlib.h>
// #ifdef __GLIBC__
// #include <malloc.h>
// static void one_arena(void) { mallopt(M_ARENA_MAX, 1); }
// static void trim(void) { malloc_trim(0); }
// #else
// static void one_arena(void) { }
// static void trim(void) { }
// #endif
import "C"

// oneHeap has glibc take SQLite's memory from one heap. It has one for each thread otherwise, and what a query had in one
// of them is not there for the next.
func oneHeap() { C.one_arena() }

// giveBack returns what SQLite no longer has to the system; glibc keeps it otherwise.
func giveBack() { C.trim() }
