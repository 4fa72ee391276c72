package clip

import (
	"cmp"
	"strings"
)

// Policy is an IAM policy as AWS takes it.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement is one statement of a Policy.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// What stands in a policy for an account and a key that are not known.
const (
	anyAccount = "ACCOUNT"
	anyKey     = "KEY"
)

// policy is the smallest that Get works with: it does not describe the stream.
func (x *examination) policy() {
	account := cmp.Or(accountOf(x.Stream), x.Account)
	resource := x.door.StreamARN(x.Stream, account)
	if x.Described != nil && x.Described.ARN != "" {
		resource, account = x.Described.ARN, accountOf(x.Described.ARN)
	}
	x.OptionalActions = []string{"kinesisvideo:ListFragments", "kinesisvideo:GetMediaForFragmentList"}
	x.Policy = &Policy{Version: "2012-10-17", Statement: []Statement{{
		Sid: "KvsclipGet", Effect: "Allow", Resource: resource,
		Action: []string{"kinesisvideo:GetDataEndpoint", "kinesisvideo:GetClip", "kinesisvideo:ListFragments", "kinesisvideo:GetMediaForFragmentList"},
	}}}
	if x.CustomerKey {
		key := cmp.Or(x.Key, x.door.KeyARN(anyKey, cmp.Or(account, anyAccount)))
		x.Policy.Statement = append(x.Policy.Statement, decrypt(key))
	}
}

// decrypt allows the use of one key. An alias is no resource of kms:Decrypt: it goes into a
// condition (AWS KMS developer guide, "Use aliases to control access to KMS keys").
func decrypt(key string) Statement {
	s := Statement{Sid: "KvsclipKey", Effect: "Allow", Action: []string{"kms:Decrypt"}, Resource: key}
	if base, alias, ok := strings.Cut(key, ":alias/"); ok {
		s.Resource = base + ":key/*"
		s.Condition = map[string]map[string]string{"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/" + alias}}
	}
	return s
}

// accountOf takes the account out of an ARN; "" where there is none.
func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		return parts[4]
	}
	return ""
}
