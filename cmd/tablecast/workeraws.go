package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/remote/worker"
	"github.com/tablecast/tablecast/target/claim"
)

// groupName is what a group may be called: it stands in keys, between #.
var groupName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// options fills in what the flags, the file and the environment say.
func (f *workerFlags) options(ctx context.Context, file *config.File, o *worker.Options) error {
	source, bus := cmp.Or(f.source, file.Source), cmp.Or(f.bus, file.Bus)
	for _, p := range []struct{ key, place string }{{"source", source}, {"bus", bus}} {
		if !config.IsPlace(p.place) {
			return fmt.Errorf("--%s is %s; write aws, or the URL of an endpoint", p.key, p.place)
		}
		if p.place == config.Embedded {
			return fmt.Errorf("the %s is embedded, and a worker carries changes elsewhere: write --%s aws, or %s: aws in the file; tablecast up runs what is embedded", p.key, p.key, p.key)
		}
	}
	if !groupName.MatchString(f.group) {
		return fmt.Errorf("--group is %q; write 1 to 64 letters, digits, _ . and -", f.group)
	}
	tables, err := f.awsConfig(ctx, source)
	if err != nil {
		return err
	}
	buses, err := f.awsConfig(ctx, bus)
	if err != nil {
		return err
	}
	if file.ClaimCheck.Store != "" {
		if o.Claims, err = f.claims(ctx, file.ClaimCheck.Store); err != nil {
			return err
		}
	}
	o.File, o.Group, o.State, o.Region = file, f.group, f.state, tables.Region
	o.Tables = dynamodb.NewFromConfig(tables)
	o.Streams = dynamodbstreams.NewFromConfig(tables)
	o.Buses = eventbridge.NewFromConfig(buses)
	if source != config.AWS {
		o.CallsPerSecond = -1
	}
	return nil
}

// claims opens the store of large details. A bucket is reached with the credentials
// of everything else, unless the environment holds some, and at the endpoint that the
// environment names for the SDKs, unless the URL names one.
func (f *workerFlags) claims(ctx context.Context, store string) (claim.Store, error) {
	u, err := url.Parse(store)
	if err != nil || u.Scheme != "s3" || os.Getenv("AWS_ACCESS_KEY_ID") != "" {
		return claim.Open(store)
	}
	c, err := f.awsConfig(ctx, config.AWS)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	if endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), aws.ToString(c.BaseEndpoint)); endpoint != "" && !q.Has("endpoint") {
		q.Set("endpoint", endpoint)
		u.RawQuery = q.Encode()
	}
	return claim.OpenBucket(u, c.Credentials, c.Region), nil
}

// awsConfig returns how services at a place are called: with the credentials and
// the region of the environment, as by every SDK. Loopback needs none.
func (f *workerFlags) awsConfig(ctx context.Context, place string) (c aws.Config, err error) {
	var with []func(*awsconfig.LoadOptions) error
	if f.region != "" {
		with = append(with, awsconfig.WithRegion(f.region))
	}
	if place == config.AWS {
		c, err = f.client.load(ctx, with...)
	} else {
		c, err = f.client.config(ctx, place, with...)
	}
	if err == nil && c.Region == "" {
		err = errors.New("no region is set: give --region, or set AWS_REGION")
	}
	return c, err
}
