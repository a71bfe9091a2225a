package server_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/server/servertest"
)

// The account and the region of the file stand in every ARN, and targets that the file
// names are the node's.
func TestAccountAndRegion(t *testing.T) {
	node, url := servertest.Start(t, servertest.Options{Memory: true, Config: `
account: "123456789012"
region: eu-west-1
tables: { users: { key: id, stream: keys-only } }
buses: { orders: {} }
rules: { all: { pattern: { source: [s] }, targets: [bus: orders] } }
`})
	c := apitest.Config(url)
	table, err := dynamodb.NewFromConfig(c).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("arn:aws:dynamodb:eu-west-1:123456789012:table/users")})
	if err != nil || !strings.HasPrefix(*table.Table.LatestStreamArn, "arn:aws:dynamodb:eu-west-1:123456789012:table/users/stream/") {
		t.Errorf("%+v, %v", table, err)
	}
	bus, err := eventbridge.NewFromConfig(c).DescribeEventBus(t.Context(), &eventbridge.DescribeEventBusInput{Name: aws.String("orders")})
	if err != nil || *bus.Arn != "arn:aws:events:eu-west-1:123456789012:event-bus/orders" {
		t.Errorf("%+v, %v", bus, err)
	}
	rule, err := node.Buses().Rule("default", "all")
	if err != nil || rule.Targets[0].ARN != *bus.Arn {
		t.Errorf("%+v, %v", rule, err)
	}
	if got := node.Functions().ARN("f"); got != "arn:aws:lambda:eu-west-1:123456789012:function:f" {
		t.Error(got)
	}
}

// A folder opens with the account and the region that it got first, and no others.
func TestFolderKeepsItsAccount(t *testing.T) {
	fs := vfs.NewMem()
	open := func(o tablecast.Options) error {
		o.FS = fs
		node, err := tablecast.Open("data", o)
		if err != nil {
			return err
		}
		return node.Close()
	}
	file := func(text string) *config.File {
		f, err := config.Parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for i, c := range []struct {
		o    tablecast.Options
		want string
	}{
		{tablecast.Options{Account: "123456789012"}, ""},
		{tablecast.Options{}, "start with --account 123456789012 --region us-east-1"},
		{tablecast.Options{Account: "123456789012", Region: "eu-west-1"}, "start with --account 123456789012 --region us-east-1"},
		{tablecast.Options{Config: file(`account: "123456789012"`)}, ""},
		{tablecast.Options{Account: "123456789012", Config: file("buses: { b: {} }")}, "the options name others"},
		{tablecast.Options{Account: "12"}, "write 12 digits"},
		{tablecast.Options{Region: "moon"}, "write it as eu-west-1"},
	} {
		if err := open(c.o); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d: %v", i, err)
		}
	}
	fs = vfs.NewMem()
	if err := open(tablecast.Options{Config: file("buses: { b: {} }")}); err != nil {
		t.Fatal(err)
	}
	if err := open(tablecast.Options{Account: "123456789012"}); err == nil || !strings.Contains(err.Error(), "--account 000000000000") {
		t.Errorf("a folder of the defaults: %v", err)
	}
}

// A file whose account is not that which the node was given is a fault.
func TestAccountOfTheFile(t *testing.T) {
	for text, want := range map[string]string{
		`account: "123456789012"`: "f.yaml:1:10: account is \"123456789012\", and the node has \"111111111111\"",
		`account: 123456789012`:   "f.yaml:1:10: ",
		`account: "12"`:           "write 12 digits",
		`region: Europe`:          "write it as eu-west-1",
	} {
		if _, err := config.ParseFor("f.yaml", []byte(text), "111111111111", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
