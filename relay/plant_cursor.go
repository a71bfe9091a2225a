//go:build tablecast_plant_cursor

package relay

const plantCursorFirst = true
