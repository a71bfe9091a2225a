// Package powerfs is a file system that turns kill -9 into a power loss, for the
// campaigns that kill the real binary: what was not synced is in the memory of the
// process alone. Only builds with the tag tablecast_power contain it.
//
// A file's bytes reach the disk when the file is synced, and the names in a folder
// when the folder is. Until then a new file stands in a side folder, under a number;
// syncing its folder links it to its name. A share of what was not synced reaches
// the disk all the same, in any order, as that of a real system may.
package powerfs
