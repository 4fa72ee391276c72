package clip

import (
	"encoding/json"
	"testing"
)

// A key is a resource, an alias is not.
func TestDecrypt(t *testing.T) {
	for key, want := range map[string]string{
		"arn:aws:kms:us-west-2:1:key/2": `{"Sid":"KvsclipKey","Effect":"Allow","Action":["kms:Decrypt"],"Resource":"arn:aws:kms:us-west-2:1:key/2"}`,
		"arn:aws:kms:us-west-2:1:alias/mine": `{"Sid":"KvsclipKey","Effect":"Allow","Action":["kms:Decrypt"],"Resource":"arn:aws:kms:us-west-2:1:key/*",` +
			`"Condition":{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/mine"}}}`,
	} {
		if got, err := json.Marshal(decrypt(key)); err != nil || string(got) != want {
			t.Errorf("decrypt(%s):\n got %s, %v\nwant %s", key, got, err, want)
		}
	}
}

func TestAccountOf(t *testing.T) {
	for arn, want := range map[string]string{
		"": "", "cam1": "", "a:b:c:d:e:f": "",
		"arn:aws:kinesisvideo:us-west-2:111122223333:stream/cam1/1": "111122223333",
	} {
		if got := accountOf(arn); got != want {
			t.Errorf("accountOf(%q): got %q, want %q", arn, got, want)
		}
	}
}
