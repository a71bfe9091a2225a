package function

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/function/process"
)

// A Config is what can be set of a function.
type Config struct {
	Runtime     string            `json:"runtime,omitzero"`
	Handler     string            `json:"handler,omitzero"`
	Binary      string            `json:"binary,omitzero"` // of declared functions
	Role        string            `json:"role,omitzero"`
	Description string            `json:"description,omitzero"`
	Env         map[string]string `json:"env,omitzero"`
	Seconds     int               `json:"seconds"`              // timeout; the default is process.DefaultTimeout
	MemoryMB    int               `json:"memory"`               // the default is process.DefaultMemoryMB
	Concurrency *int              `json:"concurrency,omitzero"` // reserved; 0 lets nothing run
}

// Code says where a function's code is: in the store, or in a directory of this
// machine, whose changes take effect at the next invocation.
type Code struct {
	Zip    []byte `json:"-"`
	Dir    string `json:"dir,omitzero"`
	Number uint64 `json:"number,omitzero"` // of the zip file in the store
	Size   int64  `json:"size"`            // of the zip file
	SHA256 string `json:"sha256"`          // in base64; of the zip file, or the directory's name
}

// EventConfig configures the asynchronous invocations of a function.
type EventConfig struct {
	MaxRetries int       `json:"retries"`            // attempts after the first, 0 to 2
	MaxAge     int       `json:"age"`                // seconds, after which no further attempt is made
	OnFailure  string    `json:"onFailure,omitzero"` // ARN of the destination; empty: dead letters
	OnSuccess  string    `json:"onSuccess,omitzero"` // ARN of the destination; empty: none
	Modified   time.Time `json:"modified"`
}

// DefaultEventConfig returns that of a function without its own.
func DefaultEventConfig() EventConfig { return EventConfig{MaxRetries: 2, MaxAge: 6 * 3600} }

// A Statement is one permission of a function's policy; it is kept, and not
// enforced.
type Statement struct {
	ID   string         `json:"id"`
	Text jsontext.Value `json:"text"`
}

// A Function is the configuration of one function with what is known of its code.
type Function struct {
	Name string `json:"name"`
	Config
	Code     Code              `json:"code"`
	Tags     map[string]string `json:"tags,omitzero"`
	Policy   []Statement       `json:"policy,omitzero"`
	Events   *EventConfig      `json:"events,omitzero"`
	Revision string            `json:"revision"`
	Modified time.Time         `json:"modified"`
	// Created is a number of the store that Create took: lower than the numbers of the
	// function's events, higher than those of an earlier function of the name.
	Created uint64 `json:"created,omitzero"`

	// Declared functions are those of the node's file.
	Declared bool `json:"-"`
	// State says whether it can run; Get and List set it.
	State State `json:"-"`
	// Dir is where the code is on disk.
	Dir string `json:"-"`
}

// A State says whether a function can run, as Function.State does. Code is one of
// process.Error, or START for a function that was found and failed to start; both
// texts are empty if it can run.
type State struct{ Code, Reason string }

// codeStart is the code of a function that was found and failed to start.
const codeStart = "START"

// Failed reports whether the function cannot run.
func (s State) Failed() bool { return s.Code != "" }

// spec returns how to run the function.
func (o *Options) spec(f *Function) process.Spec {
	s := process.Spec{
		Name: f.Name, Dir: f.Dir, Binary: f.Binary, Runtime: f.Runtime, Handler: f.Handler, Env: f.Env, Timeout: time.Duration(f.Seconds) * time.Second, MemoryMB: f.MemoryMB,
		Account: o.Account, Region: o.Region, Endpoint: o.Endpoint, Credentials: o.Credentials,
	}
	if f.Concurrency != nil {
		s.Concurrency = *f.Concurrency
	}
	return s
}

// complete fills in the defaults.
func (c *Config) complete() {
	if c.Seconds == 0 {
		c.Seconds = int(process.DefaultTimeout / time.Second)
	}
	if c.MemoryMB == 0 {
		c.MemoryMB = process.DefaultMemoryMB
	}
}
