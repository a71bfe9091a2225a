// Package acceptance holds the tests of a whole node through the API of package
// tablecast: the file, the hops together, reloads, backups, faults of the disk,
// and the stories of testdata/stories. It has no code of its own.
package acceptance
