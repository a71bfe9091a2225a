//go:build !tablecast_plant_cursor

package relay

// plantCursorFirst is the fault that TestPlanted in internal/history must
// catch: the cursor advances in a batch of its own before the events are
// accepted. It is false in every real build.
const plantCursorFirst = false
