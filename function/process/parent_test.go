package process

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Variables that make a parent of this program: the function's directory and
// name.
const (
	parentEnv = "TABLECAST_FUNCTION_PARENT"
	orphanEnv = "TABLECAST_FUNCTION_ORPHAN"
)

// parent runs a function in the directory that the environment names, prints
// what it logs and waits to be killed.
func parent() error {
	f, err := Open(Spec{
		Name: os.Getenv(orphanEnv), Dir: os.Getenv(parentEnv), Handler: "index.handler", Runtime: "nodejs22.x",
		Endpoint: "http://127.0.0.1:8000",
		Timeout:  time.Hour,
	}, Options{Log: func(l Line) {
		if !l.Platform {
			fmt.Println(l.Text)
		}
	}})
	if err != nil {
		return err
	}
	go func() {
		_, _ = f.Invoke(context.Background(), []byte(`{}`), InvokeOptions{})
	}()
	return f.Run(context.Background())
}
