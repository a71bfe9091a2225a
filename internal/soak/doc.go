// Package soak keeps the real binary at most of its load while streams rotate,
// archives fill, replays run, the file is reloaded and functions hear each change,
// and checks that its memory, goroutines and descriptors do not grow. It holds tests
// only.
package soak
