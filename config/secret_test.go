package config

import "testing"

// What comes from the environment is secret in whatever form it is written.
func TestSecretForms(t *testing.T) {
	t.Setenv("KEY", "k")
	for form, text := range map[string]string{"plain": `${env:KEY}`, "quoted": `"${env:KEY}"`, "block": "|-\n        ${env:KEY}", "folded": ">-\n        ${env:KEY}"} {
		f, err := Parse("f", []byte("connections:\n  c:\n    api-key:\n      name: K\n      value: "+text+"\n    header:\n     X: "+text+"\n     Y: $${env:KEY}\n"))
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		a := f.Connections[0].Auth
		if h := a.Invocation.Header; a.KeyValue != "k" || h[0].Value != "k" || !h[0].Secret || h[1].Value != "${env:KEY}" || h[1].Secret {
			t.Errorf("%s: %+v", form, a)
		}
	}
}
