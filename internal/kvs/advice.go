package kvs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// Advice says what to do next, as sentences for people; "" when nothing is better than to run
// again or there is nothing to be done.
func (e *Error) Advice() string {
	if text := e.adviceOnUse(); text != "" || e.stopped {
		return text
	}
	switch {
	case e.skewed:
		return "set this machine's clock: AWS refuses signatures that are more than 5 minutes off"
	case e.foreign:
		return fmt.Sprintf("the host that answered does not serve %s: check --endpoint-url, AWS_ENDPOINT_URL* and any proxy in between", e.Op)
	case IsCredentials(e):
		return e.adviceOnCredentials()
	case e.locked:
		return fmt.Sprintf("the key of %s does not open it: allow kms:Decrypt on the stream's key to the caller, and see that the key is enabled", e.resource())
	case IsDenied(e):
		return fmt.Sprintf("allow %s on %s in the IAM policy of the caller%s", e.Action, e.resource(), e.kms())
	case IsRetention(e):
		return "the footage is older than the stream keeps it, or it keeps none: ask for a later range, and see the retention with kvsclip streams; it can be raised for the future with aws kinesisvideo update-data-retention"
	case IsNoFragment(e):
		return "those fragments are gone, as a rule because they are older than the stream keeps footage: ask for a later range, or take what is left with --allow-incomplete"
	case IsEmpty(e):
		return "nothing was recorded there on this clock: see what there is with kvsclip plan and a wider range, and try --clock producer or --clock server"
	case IsNoStream(e):
		return e.adviceOnStream()
	case e.throttled():
		return "other readers use up the stream's quota points: run again later, or raise --retries"
	case splits[e.Code]:
		return "GetClip does not take this media, --engine fragments or auto gets it by GetMediaForFragmentList (H.264 or H.265, with AAC or A-law beside H.264 only, and no change of codec inside a clip)"
	}
	return e.adviceOnNetwork()
}

// adviceOnUse is about what this program was told, and has no AWS in it.
func (e *Error) adviceOnUse() string {
	switch {
	case errors.Is(e.Err, ErrNoRegion):
		return "name the stream's region: --region us-west-2, or AWS_REGION, or a profile that has one"
	case errors.Is(e.Err, ErrWrongRegion) && e.Status != 0:
		return fmt.Sprintf("what answered serves another region than %s: name the stream's with --region, and check --endpoint-url and AWS_ENDPOINT_URL*", e.Region)
	case errors.Is(e.Err, ErrWrongRegion):
		return fmt.Sprintf("use --region %s, which the stream's ARN names", RegionOf(e.Stream))
	case errors.Is(e.Err, ErrBadStream):
		return "list the streams' names with: kvsclip streams --region " + e.Region
	case errors.Is(e.Err, ErrTooMany):
		return "ask for a shorter range"
	case errors.Is(e.Err, errEndpoint):
		return "check --endpoint-url and AWS_ENDPOINT_URL*; AWS's own endpoints may name none but AWS's, and data endpoints over plain http are taken only on the host of a plain http control endpoint, or on loopback"
	case errors.Is(e.Err, errRedirect), errors.Is(e.Err, errEncoding), errors.Is(e.Err, ErrTooLarge):
		return "the service does not answer like that: check --endpoint-url, AWS_ENDPOINT_URL* and any proxy in between"
	}
	return ""
}

func (e *Error) adviceOnNetwork() string {
	switch {
	case e.lost:
		return fmt.Sprintf("check the region's spelling (%s) and the network", e.Region)
	case badCertificate(e.Err):
		if _, ok := errors.AsType[x509.UnknownAuthorityError](e.Err); ok {
			return "if a proxy signs the traffic here, name its certificate file in AWS_CA_BUNDLE"
		}
		return "check --endpoint-url and any proxy in between: the host's certificate is not valid for it"
	case Judge(e) == Retry:
		return "the network or the service failed for now: run again, or raise --retries"
	}
	return ""
}

func (e *Error) adviceOnCredentials() string {
	text := ""
	if _, ok := errors.AsType[*credentialsError](e.Err); ok {
		text = e.Err.Error()
	}
	switch {
	case Judge(e) == Retry:
		return "the service that gives out credentials could not be reached: check the network and run again"
	case strings.Contains(text, "AssumeRole"):
		return "allow sts:AssumeRole on that role to the caller, in the role's trust policy as well"
	case strings.Contains(strings.ToLower(text), "sso"):
		return "log in again: aws sso login, with --profile NAME if the profile is not the default one"
	case strings.HasPrefix(e.Code, "ExpiredToken"):
		return "the session has expired: log in again (aws sso login) or renew AWS_SESSION_TOKEN"
	case e.Code == "MissingCredentials":
		return "log in (aws sso login or aws configure) and name the profile with --profile or AWS_PROFILE; test it with aws sts get-caller-identity"
	}
	return "check the access key, its session token, the region and this machine's clock; test them with aws sts get-caller-identity"
}

func (e *Error) adviceOnStream() string {
	where := "region " + e.Region
	if e.Account != "" {
		where += " of account " + e.Account
	}
	return fmt.Sprintf("the stream is not there, or not active, in %s: list those that are with kvsclip streams, or name --region and --profile of the stream's owner", where)
}

// resource is what a policy has to name. The creation time at the end is better left open.
func (e *Error) resource() string {
	if e.Stream == "" {
		return "*"
	}
	if RegionOf(e.Stream) != "" {
		return e.Stream[:strings.LastIndexByte(e.Stream, '/')] + "/*"
	}
	account := e.Account
	if account == "" {
		account = "ACCOUNT"
	}
	return fmt.Sprintf("arn:%s:kinesisvideo:%s:%s:stream/%s/*", partition(e.Region), e.Region, account, e.Stream)
}

// partitions are the names in ARNs, by what their regions begin with; all others are in "aws".
var partitions = []struct{ prefix, name string }{
	{"cn-", "aws-cn"},
	{"us-gov-", "aws-us-gov"},
	{"eusc-", "aws-eusc"},
	{"us-iso-", "aws-iso"},
	{"us-isob-", "aws-iso-b"},
	{"eu-isoe-", "aws-iso-e"},
	{"us-isof-", "aws-iso-f"},
}

func partition(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p.name
		}
	}
	return "aws"
}

// kms is added when the refusal speaks of a key.
func (e *Error) kms() string {
	if strings.Contains(strings.ToLower(e.Message), "kms") {
		return ", and kms:Decrypt on the stream's key"
	}
	return ""
}
