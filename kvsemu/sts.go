package kvsemu

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
)

// caller is the ARN of who asks, whoever signed.
func (s *Server) caller() string { return "arn:aws:iam::" + s.account() + ":user/emulated" }

// identity is the answer to GetCallerIdentity (STS API reference, 2011-06-15).
type identity struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	Arn     string   `xml:"GetCallerIdentityResult>Arn"`
	User    string   `xml:"GetCallerIdentityResult>UserId"`
	Account string   `xml:"GetCallerIdentityResult>Account"`
	Request string   `xml:"ResponseMetadata>RequestId"`
}

// getCallerIdentity is the one call of STS that there is. It is in the query protocol.
func (c *call) getCallerIdentity() (any, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, refuse("MalformedQueryString", "%v", err)
	}
	if action, version := form.Get("Action"), form.Get("Version"); action != "GetCallerIdentity" || version != "2011-06-15" {
		return nil, refuse("InvalidAction", "Could not find operation %s for version %s", action, version)
	}
	return nil, sendXML(c.w, http.StatusOK, identity{
		Arn: c.s.caller(), User: "AIDAEMULATEDEMULATED0", Account: c.s.account(), Request: c.log.RequestID,
	})
}

// stsCodes are what STS calls refusals that have other names elsewhere (STS API reference, Common
// Errors).
var stsCodes = map[string]string{
	"AccessDeniedException":               "AccessDenied",
	"ClientLimitExceededException":        "Throttling",
	"ExpiredTokenException":               "ExpiredToken",
	"InvalidSignatureException":           "SignatureDoesNotMatch",
	"MissingAuthenticationTokenException": "MissingAuthenticationToken",
}

// spoken puts a refusal into the form of the service that was called.
func (c *call) spoken(r *refusal) *refusal {
	if !c.query || r.xml {
		return r
	}
	out := *r
	out.sts, out.code = c.log.RequestID, cmp.Or(stsCodes[r.code], r.code)
	return &out
}

// sendSTS writes a refusal as STS does.
func (r *refusal) sendSTS(w http.ResponseWriter) error {
	kind := "Sender"
	if r.status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	return sendXML(w, r.status, struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Type    string   `xml:"Error>Type"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
		Request string   `xml:"RequestId"`
	}{Type: kind, Code: r.code, Message: r.message, Request: r.sts})
}

// sendXML writes an answer.
func sendXML(w http.ResponseWriter, status int, answer any) error {
	body, err := xml.MarshalIndent(answer, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}
