//go:build !linux

package main

// evict does nothing here.
func evict(string) error { return nil }
