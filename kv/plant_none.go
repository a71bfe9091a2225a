//go:build !tablecast_plant_nosync

package kv

// plantNoSync is the fault that TestPlanted in internal/history must catch: it
// acknowledges commits without an fsync. It is false in every real build.
const plantNoSync = false
