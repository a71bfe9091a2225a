package config

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/internal/local"
)

// home reads the account and the region of the node.
func (r *reader) home(account, region ast.Node) {
	given := local.Home{Account: r.file.Account, Region: r.file.Region}
	if account != nil {
		r.file.Account = r.homeText(account, "account", given.Account)
		if err := (local.Home{Account: r.file.Account}).Check(); err != nil {
			r.fault(account, err.Error(), `put it in quotes, as "123456789012"`)
		}
	}
	if region != nil {
		r.file.Region = r.homeText(region, "region", given.Region)
		if err := (local.Home{Region: r.file.Region}).Check(); err != nil {
			r.fault(region, err.Error(), "leave it out for "+local.Region)
		}
	}
	all := local.Home{Account: r.file.Account, Region: r.file.Region}.OrDefault()
	r.file.Account, r.file.Region = all.Account, all.Region
}

// homeText reads one of the two, which must be what the node was given.
func (r *reader) homeText(n ast.Node, what, given string) string {
	text, ok := r.text(n, what)
	if ok && given != "" && text != given {
		r.fault(n, what+" is "+quoted(text)+", and the node has "+quoted(given), "write one of them, here or as --"+what)
	}
	return text
}

// nodeARN returns the ARN of a resource of the node's buses.
func (r *reader) nodeARN(resource string) string {
	return local.ARN("events", r.file.Region, r.file.Account, resource)
}
