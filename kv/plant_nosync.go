//go:build tablecast_plant_nosync

package kv

const plantNoSync = true
