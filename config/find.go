package config

import (
	"os"
	"path/filepath"
)

// names are those that a file may have, in the order in which they are tried.
var names = []string{"tablecast.yaml", "tablecast.yml", "tablecast.json"}

// Find returns the file that TABLECAST_CONFIG names, or tablecast.yaml,
// tablecast.yml or tablecast.json in dir or the folders above it up to the root
// of its repository; empty if there is none. dir is absolute.
func Find(dir string) string {
	if path := os.Getenv("TABLECAST_CONFIG"); path != "" {
		return path
	}
	for {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				return path
			}
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil || filepath.Dir(dir) == dir {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}
