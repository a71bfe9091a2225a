package trace_test

import (
	"context"
	"testing"

	"github.com/tablecast/tablecast/internal/trace"
)

const (
	w3c = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
	aws = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
)

// Both headers name the same, and each is written as it was read.
func TestForms(t *testing.T) {
	for _, text := range []string{w3c, aws, "Self=1-67891234-12456789abcdef012345678;" + aws, "01-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-03-more"} {
		c := trace.Parse(text)
		if c.String() != w3c || c.AWS() != aws {
			t.Errorf("%s is read as %s and %s", text, c, c.AWS())
		}
		if got := trace.FromBinary([trace.Size]byte(c.AppendBinary(nil))); got != c {
			t.Errorf("the stored form of %s is read as %s", c, got)
		}
	}
	off := trace.Parse(w3c[:len(w3c)-1] + "0")
	if off.Sampled || !off.Valid() || trace.FromBinary([trace.Size]byte(off.AppendBinary(nil))) != off {
		t.Errorf("a trace that is not collected is read as %+v", off)
	}
}

// What is malformed is none, never half of something.
func TestMalformed(t *testing.T) {
	for _, text := range []string{
		"", "Root=", "00", w3c[:54], w3c + "0", w3c + "-more", "ff" + w3c[2:], "zz" + w3c[2:],
		"00-00000000000000000000000000000000-53995c3f42cd8ad8-01", "00-5759e988bd862e3fe1be46a994272793-0000000000000000-01",
		"00-5759E988BD862E3FE1BE46A994272793-53995c3f42cd8ad8-01", "00_5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
		"Root=1-5759e988-bd862e3fe1be46a994272793", "Root=1-5759e988-bd862e3fe1be46a99427279;Parent=53995c3f42cd8ad8",
		"Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=5399",
	} {
		if c := trace.Parse(text); c != (trace.Context{}) || c.String() != "" || c.AWS() != "" {
			t.Errorf("%q is read as %s", text, c)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(w3c)
	f.Add(aws)
	f.Fuzz(func(t *testing.T, s string) {
		if c := trace.Parse(s); c.Valid() && (trace.Parse(c.String()) != c || trace.Parse(c.AWS()) != c) {
			t.Errorf("%q is read as %+v, and that as something else", s, c)
		}
	})
}

func TestContext(t *testing.T) {
	if c := trace.From(context.Background()); c.Valid() {
		t.Errorf("work for nobody is for %s", c)
	}
	if c := trace.From(trace.With(context.Background(), trace.Parse(w3c))); c.String() != w3c {
		t.Errorf("the context holds %s", c)
	}
}
