package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/internal/local"
)

func newEnv() *cobra.Command {
	var listen, file, region string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the settings that point AWS SDKs and tools at a node",
		Long: `Prints the environment variables that point AWS SDKs and the AWS CLI at a local
node. A shared-config profile with a "services" section overrules
AWS_ENDPOINT_URL for the services it does not list.

Exit statuses:
  0   printed
  2   wrong usage, or faults in the configuration (all are printed)`,
		Example: `  eval "$(tablecast env)"
  tablecast env --listen 127.0.0.1:8000 --region eu-west-1`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := (local.Home{Region: region}).Check(); err != nil {
				return usageError{err}
			}
			f, err := loadConfigFor(file, "", region)
			if err != nil {
				return err
			}
			if f != nil {
				region = f.Region
			}
			vars := clientEnv("http://"+listen, cmp.Or(region, local.Region))
			if asJSON {
				m := map[string]string{}
				for _, v := range vars {
					m[v[0]] = v[1]
				}
				return writeJSON(cmd.OutOrStdout(), m)
			}
			for _, v := range vars {
				fmt.Fprintf(cmd.OutOrStdout(), "export %s=%s\n", v[0], v[1])
			}
			return nil
		},
	}
	addConfig(cmd, &file)
	cmd.Flags().StringVar(&region, "region", "", "`NAME` of the node's region (default: that of the file, or us-east-1)")
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "the node's `ADDRESS`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// clientEnv lists the variables that make AWS clients talk to the endpoint of a node
// in a region.
func clientEnv(endpoint, region string) [][2]string {
	return [][2]string{
		{"AWS_ENDPOINT_URL", endpoint},
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region},
		{"AWS_ACCESS_KEY_ID", "local"},
		{"AWS_SECRET_ACCESS_KEY", "local"},
		{"AWS_EC2_METADATA_DISABLED", "true"},
	}
}
