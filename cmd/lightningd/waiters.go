package main

// waiters are callers that wait for an event about a key. All its methods run in the loop.
type waiters[K comparable, V any] map[K]map[chan V]struct{}

// add registers a caller; the channel gets at most one value.
func (w waiters[K, V]) add(key K) chan V {
	ch := make(chan V, 1)
	if w[key] == nil {
		w[key] = map[chan V]struct{}{}
	}
	w[key][ch] = struct{}{}
	return ch
}

// remove forgets a caller that gave up.
func (w waiters[K, V]) remove(key K, ch chan V) {
	delete(w[key], ch)
	if len(w[key]) == 0 {
		delete(w, key)
	}
}

// tell hands value to all who wait for key.
func (w waiters[K, V]) tell(key K, value V) {
	for ch := range w[key] {
		ch <- value
	}
	delete(w, key)
}
