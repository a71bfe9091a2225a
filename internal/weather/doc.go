// Package weather runs a whole node in memory through simulated days of outages,
// and checks after each that every event is accounted for. The clock is that of
// testing/synctest. Each spell of a day is a bubble of its own whose clock begins
// where that of the first began, so that a node which opens the folder of the spell
// before finds its clock hours behind; between two nodes of a spell the clock jumps
// ahead. It holds tests only.
package weather
