package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/target"
)

// nodeOptions returns the options of the node that flags set, and limits the memory of
// the process.
func (f *upFlags) nodeOptions() (o tablecast.Options, err error) {
	if err := (local.Home{Account: f.account, Region: f.region}).Check(); err != nil {
		return o, err
	}
	o.Account, o.Region = f.account, f.region
	o.StrictBus, o.NATSCredentials, o.AcceptLoss = f.strict, f.nats, f.acceptLoss
	if o.AllowPrivate, err = networks(f.allowPrivate); err != nil {
		return o, err
	}
	for i, text := range f.origins {
		if f.origins[i], err = config.PageOrigin(text); err != nil {
			return o, fmt.Errorf("--cors: %w", err)
		}
	}
	o.NoFunctions = f.noFunctions
	if f.functionUser != "" {
		if o.FunctionUser, err = process.FindUser(f.functionUser); err != nil {
			return o, fmt.Errorf("--function-user: %w", err)
		}
	}
	if f.bytes, err = f.limitMemory(&o); err != nil {
		return o, err
	}
	if f.secret != "" {
		if o.WebhookSecret, err = readSecret(f.secret); err != nil {
			return o, err
		}
	}
	if f.aws {
		key, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
		if key == "" || secret == "" {
			return o, errors.New("--aws needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
		}
		o.AWS = &target.AWS{
			Credentials: credentials.NewStaticCredentialsProvider(key, secret, os.Getenv("AWS_SESSION_TOKEN")),
			SQS:         os.Getenv("AWS_ENDPOINT_URL_SQS"), SNS: os.Getenv("AWS_ENDPOINT_URL_SNS"), Kinesis: os.Getenv("AWS_ENDPOINT_URL_KINESIS"), States: os.Getenv("AWS_ENDPOINT_URL_SFN"), Logs: os.Getenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"),
		}
	}
	return o, nil
}

// warnOfRoot says that functions, which are what users upload, run as root.
func (f *upFlags) warnOfRoot(logger *slog.Logger) {
	if os.Geteuid() == 0 && f.functionUser == "" && !f.noFunctions {
		logger.Warn("functions run as root, as this node does; give --function-user or --no-functions, or start the node as another user")
	}
}

// networks parses networks and single addresses.
func networks(texts []string) (out []netip.Prefix, err error) {
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, bad := netip.ParseAddr(text)
			if bad != nil {
				return nil, fmt.Errorf("--allow-private %s is no network; write one as 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p)
	}
	return out, nil
}

// backupFolder returns the folder below which clients may have backups written.
func (f *upFlags) backupFolder() (string, error) {
	if f.backups != "" {
		return filepath.Abs(f.backups)
	}
	dir, err := filepath.Abs(f.dir)
	return dir + "-backups", err
}

// readSecret reads a file that its owner alone may read; white space at its ends
// does not count.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := seal.OwnerAlone(path, info); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if b = bytes.TrimSpace(b); err == nil && len(b) == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	return b, err
}
