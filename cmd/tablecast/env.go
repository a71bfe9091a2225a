package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newEnv() *cobra.Command {
	var listen string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the settings that point AWS SDKs and tools at a node",
		Long: `Prints the environment variables that point AWS SDKs and the AWS CLI at a local
node. A shared-config profile with a "services" section overrules
AWS_ENDPOINT_URL for the services it does not list.`,
		Example: `  eval "$(tablecast env)"
  tablecast env --listen 127.0.0.1:8000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			vars := clientEnv("http://" + listen)
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
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "the node's `ADDRESS`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// clientEnv lists the variables that make AWS clients talk to the endpoint.
func clientEnv(endpoint string) [][2]string {
	return [][2]string{
		{"AWS_ENDPOINT_URL", endpoint},
		{"AWS_REGION", "us-east-1"},
		{"AWS_DEFAULT_REGION", "us-east-1"},
		{"AWS_ACCESS_KEY_ID", "local"},
		{"AWS_SECRET_ACCESS_KEY", "local"},
		{"AWS_EC2_METADATA_DISABLED", "true"},
	}
}
