package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// lines runs tail until it has printed so many lines.
func lines(t *testing.T, n int, args ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		cmd := newRoot()
		cmd.SetArgs(append([]string{"tail"}, args...))
		cmd.SetOut(in)
		cmd.SetErr(os.Stderr)
		done <- cmd.ExecuteContext(ctx)
		in.Close()
	}()
	var got []string
	for s := bufio.NewScanner(out); len(got) < n && s.Scan(); {
		got = append(got, s.Text())
	}
	cancel()
	out.Close()
	if err := <-done; err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	return got
}

func TestTail(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id, stream: new-and-old-images } }\n")
	upHere(t)
	o, err := (&clientFlags{}).connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	c := dynamodb.NewFromConfig(o)
	key := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "ada"}}
	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	for _, item := range []map[string]types.AttributeValue{
		{"id": s("ada"), "email": s("a@x"), "gone": &types.AttributeValueMemberN{Value: "1"}},
		{"id": s("ada"), "email": s("b@x"), "evil\x1b[0m": s("\x1b[2J")},
	} {
		if _, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("users"), Key: key}); err != nil {
		t.Fatal(err)
	}
	got := lines(t, 12, "users", "--from", "trim-horizon")
	if len(got) != 12 {
		t.Fatalf("%q", got)
	}
	for i, want := range []string{
		" INSERT id=\"ada\" 1", `  + email  "a@x"`, `  + gone   1`, `  + id     "ada"`,
		" MODIFY id=\"ada\" 1", `  ~ email            "a@x"  "b@x"`, `  + "evil\x1b[0m"    ·      "\x1b[2J"`, `  - gone             1      ·`, `    id               "ada"  "ada"`,
		" REMOVE id=\"ada\" 1", `  - email            "b@x"`, `  - "evil\x1b[0m"    "\x1b[2J"`,
	} {
		want = strings.Replace(want, `    ·      "`, `  ·      "`, 1)
		if squeeze(got[i]) != squeeze(want) && (!strings.Contains(want, "id=") || !strings.Contains(got[i], want)) {
			t.Errorf("line %d: %q, want %q", i, got[i], want)
		}
	}
	got = lines(t, 2, "users", "--from", "trim-horizon", "--json")
	if len(got) != 2 || !strings.Contains(got[1], `"keys":{"id":{"S":"ada"}},"new":{"email":{"S":"b@x"}`) || !strings.HasSuffix(got[1], `"changed":["email","evil\u001b[0m","gone"]}`) {
		t.Errorf("%q", got)
	}
	if status, _, errOut := execute(t.Context(), "tail", "users", "--from", "yesterday"); status != statusUsage || !strings.Contains(errOut, "--from yesterday") {
		t.Errorf("%d %s", status, errOut)
	}
	if status, _, errOut := execute(t.Context(), "tail", "nobody"); status != statusFailed || !strings.Contains(errOut, "there is no table nobody") {
		t.Errorf("%d %s", status, errOut)
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// Colours only where asked for; sets compare as sets; views that lack an image
// mark nothing.
func TestChangeText(t *testing.T) {
	set := func(v ...string) map[string]streamtypes.AttributeValue {
		return map[string]streamtypes.AttributeValue{"tags": &streamtypes.AttributeValueMemberSS{Value: v}}
	}
	r := streamtypes.Record{EventName: streamtypes.OperationTypeModify, Dynamodb: &streamtypes.StreamRecord{
		SequenceNumber: aws.String("1"), ApproximateCreationDateTime: aws.Time(time.Unix(0, 0)), StreamViewType: streamtypes.StreamViewTypeNewAndOldImages,
		OldImage: set("a", "b"), NewImage: set("b", "a"),
	}}
	if c := newTailRecord(r); len(c.Changed) != 0 {
		t.Errorf("equal sets differ: %v", c.Changed)
	}
	r.Dynamodb.NewImage = set("c")
	var plain, coloured bytes.Buffer
	if err := writeText(&plain, newTailRecord(r), false); err != nil {
		t.Fatal(err)
	}
	if err := writeText(&coloured, newTailRecord(r), true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b[33m  ~ tags  SS[\"a\" \"b\"]  SS[\"c\"]\x1b[0m") {
		t.Errorf("%q\n%q", plain.String(), coloured.String())
	}
	r.Dynamodb.StreamViewType, r.Dynamodb.OldImage = streamtypes.StreamViewTypeNewImage, nil
	if c := newTailRecord(r); len(c.Changed) != 0 || c.mark("tags") != ' ' {
		t.Error("marks without an old image")
	}
}
