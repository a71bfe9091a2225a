package function

import (
	"context"
	"fmt"
	"os"
)

const parentEnv = "TABLECAST_FUNCTION_PARENT"

// parent runs a function in the directory that the environment names, prints
// the process's number and waits to be killed.
func parent() error {
	f, err := Open(Spec{
		Name: "orphan", Dir: os.Getenv(parentEnv), Handler: "index.handler", Runtime: "nodejs22.x",
		Endpoint: "http://127.0.0.1:8000",
	}, Options{})
	if err != nil {
		return err
	}
	go func() {
		r, err := f.Invoke(context.Background(), []byte(`{}`), InvokeOptions{})
		fmt.Println(string(r.Payload), err)
	}()
	return f.Run(context.Background())
}
