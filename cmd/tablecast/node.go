package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// maxLine is the most bytes of one line that a node answers: a change with both
// images and what it raises.
const maxLine = 64 << 20

// nodeFlags are the flags of commands that ask a running node.
type nodeFlags struct {
	client clientFlags
	url    string
	json   bool
}

func (f *nodeFlags) add(cmd *cobra.Command) {
	f.client.add(cmd)
	cmd.Flags().StringVar(&f.url, "url", "", "`URL` of the running node (default: AWS_ENDPOINT_URL, or "+defaultURL+")")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a line")
}

// signHelp says which node a request reaches.
const signHelp = `A node that has keys takes requests from any machine, signed with a key that is allowed
to: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE. One without keys
takes them from its own machine.`

// askHelp ends the help of commands that ask a running node.
const askHelp = signHelp + `


Exit statuses:
  0   ended as asked
  1   failed while running
  2   wrong usage
  3   the node refuses the credentials, or does not let their key do this`

// ask sends a request to the running node and calls fn for each line of the
// answer; with --json the lines are printed instead.
func (f *nodeFlags) ask(ctx context.Context, out io.Writer, what string, in any, fn func(line []byte) error) error {
	resp, err := f.client.post(ctx, f.url, what, in, "start one with tablecast up, or name its address with --url")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		line := lines.Bytes()
		if err := failure(resp, line); err != nil {
			return err
		}
		if f.json {
			fmt.Fprintf(out, "%s\n", line)
		} else if err := fn(line); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return fmt.Errorf("the node's answer ended early: %w", err)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("the node answered %s", resp.Status)
	}
	return nil
}

// post sends a signed request to the node at a URL, by default that of the environment;
// hint is what to do if none answers.
func (f *clientFlags) post(ctx context.Context, url, what string, in any, hint string) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	c, err := f.connect(ctx, url)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *c.BaseEndpoint+"/_api/v1/"+what, bytes.NewReader(body))
	if err != nil {
		return nil, usageError{err}
	}
	req.Header.Set("Content-Type", "application/json")
	creds, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("no credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), awsjson.PageService, c.Region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := c.HTTPClient.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("no node answers at %s; %s", *c.BaseEndpoint, hint)
	}
	return resp, err
}

// failure returns what went wrong, if a line of the answer says so. What the node
// refuses with another status below 500 than 403 is wrong usage.
func failure(resp *http.Response, line []byte) error {
	var bad struct {
		Message, Error string
		Type           string `json:"__type"`
		Usage          bool
	}
	refused := resp.StatusCode != http.StatusOK
	if !refused && !bytes.HasPrefix(line, []byte(`{"error":`)) {
		return nil
	}
	if err := readJSON(line, &bad); err != nil {
		return fmt.Errorf("the node answered %s", resp.Status)
	}
	err := errors.New(cmp.Or(bad.Error, bad.Message, "the node answered "+resp.Status))
	_, code, _ := strings.Cut(bad.Type, "#")
	switch api := (&smithy.GenericAPIError{Code: code, Message: err.Error()}); {
	case denied(api):
		return fmt.Errorf("%w; sign with a key that may: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to one that tablecast keys create made", api)
	case bad.Usage || refused && resp.StatusCode < http.StatusInternalServerError && resp.StatusCode != http.StatusForbidden:
		return usageError{err}
	default:
		return err
	}
}

// keyFlag reads a key: JSON, as in {"id": "u1"}.
func keyFlag(text string) (jsontext.Value, error) {
	if text == "" {
		return nil, nil
	}
	if !jsontext.Value(text).IsValid() {
		return nil, usageError{fmt.Errorf("--key %s is not JSON: write the key attributes, as in --key '{\"id\": \"u1\"}'", text)}
	}
	return jsontext.Value(text), nil
}
