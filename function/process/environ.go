package process

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// passed are the variables of this process's environment that each function
// sees.
func passed() []string { return []string{"PATH", "HOME", "LANG", "TMPDIR"} }

// ReservedEnv reports whether Lambda refuses the variable in a function's
// configuration, because it sets it itself.
func ReservedEnv(name string) bool {
	switch name {
	case "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR":
		return true
	}
	return false
}

// environ returns the environment of one process. Later groups win: what is
// passed on, what keeps the SDKs away from this user's AWS account, what the
// Spec adds, what Lambda sets.
func (f *Function) environ(l *launch, api, stream string) []string {
	env := map[string]string{}
	for _, name := range append(passed(), f.opts.PassEnv...) {
		if v, ok := os.LookupEnv(name); ok {
			env[name] = v
		}
	}
	maps.Copy(env, map[string]string{
		"AWS_ENDPOINT_URL":            f.spec.Endpoint,
		"AWS_EC2_METADATA_DISABLED":   "true",
		"AWS_CONFIG_FILE":             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"TZ":                          ":UTC",
	})
	if u := f.opts.User; u != nil {
		env["HOME"], env["TMPDIR"] = u.Home, filepath.Join(l.runtimeDir, userTemp)
	}
	maps.Copy(env, l.env)
	maps.Copy(env, f.spec.Env)
	maps.Copy(env, f.lambdaEnv(l, api, stream))
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

func (f *Function) lambdaEnv(l *launch, api, stream string) map[string]string {
	s := &f.spec
	env := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          api,
		"_HANDLER":                        s.Handler,
		"LAMBDA_TASK_ROOT":                s.Dir,
		"LAMBDA_RUNTIME_DIR":              l.runtimeDir,
		"AWS_LAMBDA_FUNCTION_NAME":        s.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(s.MemoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + s.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      stream,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_" + f.engine.name,
		"AWS_REGION":                      s.Region,
		"AWS_DEFAULT_REGION":              s.Region,
		"AWS_ACCESS_KEY_ID":               s.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":           s.Credentials.SecretAccessKey,
	}
	if s.Credentials.SessionToken != "" {
		env["AWS_SESSION_TOKEN"] = s.Credentials.SessionToken
	}
	return env
}
