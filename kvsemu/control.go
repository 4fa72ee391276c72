package kvsemu

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxRetention is the ceiling of data retention, in hours.
const maxRetention = 87600

func (c *call) createStream() (any, error) {
	var in struct {
		StreamName           *string
		DeviceName           string
		MediaType            string
		KmsKeyId             string
		DataRetentionInHours int
		Tags                 map[string]string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	name, err := which{StreamName: in.StreamName}.name()
	if err != nil {
		return nil, err
	}
	switch {
	case in.DataRetentionInHours < 0 || in.DataRetentionInHours > maxRetention:
		return nil, constraint(strconv.Itoa(in.DataRetentionInHours), "dataRetentionInHours", "be between 0 and 87600")
	case in.MediaType != "" && !mediaType.MatchString(in.MediaType):
		return nil, constraint(in.MediaType, "mediaType", `satisfy regular expression pattern: [\w\-\.\+]+/[\w\-\.\+]+`)
	case len(in.Tags) > 50:
		return nil, refuse("TagsPerResourceExceededLimitException", "A stream can have up to 50 tags.")
	}
	seed := chance(c.s.Seed, hashed(name), uint64(c.now.UnixNano()))
	st := c.s.newStream(name, c.now, seed, newUploads(seed, memory{}))
	st.active = c.now.Add(c.s.Creating)
	st.retention, st.mediaType, st.device = in.DataRetentionInHours, in.MediaType, in.DeviceName
	if in.KmsKeyId != "" {
		st.kms = in.KmsKeyId
	}
	maps.Copy(st.tags, in.Tags)
	c.s.state.mu.Lock()
	defer c.s.state.mu.Unlock()
	if c.s.state.streams[name] != nil {
		return nil, refuse("ResourceInUseException", "The stream %s already exists.", name)
	}
	if err := c.s.keep(st); err != nil {
		return nil, err
	}
	c.s.state.streams[name] = st
	c.log.Stream = name
	return map[string]any{"StreamARN": st.arn}, nil
}

// keep gives a new stream a folder, if there is to be one.
func (s *Server) keep(st *stream) (err error) {
	if s.DataDir == "" {
		return nil
	}
	if st.folder, err = createFolder(s.DataDir, st); err != nil {
		return fmt.Errorf("keeping stream %q: %w", st.name, err)
	}
	st.footage.(*uploads).store = st.folder
	return st.saveLocked()
}

func (c *call) deleteStream() (any, error) {
	var in struct {
		StreamARN      *string
		CurrentVersion string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.update(which{StreamARN: in.StreamARN}, in.CurrentVersion, nil); err != nil {
		return nil, err
	}
	c.s.state.mu.Lock()
	defer c.s.state.mu.Unlock()
	if c.s.state.streams[c.stream.name] == c.stream {
		delete(c.s.state.streams, c.stream.name)
		if c.stream.folder != nil {
			return nil, c.stream.folder.remove()
		}
	}
	return nil, nil
}

// update finds the stream, checks the version unless it is empty, and runs change, which may be
// nil, with the stream's mutex held.
func (c *call) update(w which, version string, change func(*stream) error) error {
	if err := c.about(w); err != nil {
		return err
	}
	st := c.stream
	if st.status(c.now) != "ACTIVE" {
		return refuse("ResourceInUseException", "The stream %s is being created.", st.name)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if now := st.versionLocked(); version != "" && version != now {
		return refuse("VersionMismatchException", "The stream version %s is not the current version.", version)
	}
	if change == nil {
		return nil
	}
	if err := change(st); err != nil {
		return err
	}
	st.revision++
	return st.saveLocked()
}

func (c *call) describeStream() (any, error) {
	var in which
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.about(in); err != nil {
		return nil, err
	}
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	return map[string]any{"StreamInfo": c.stream.infoLocked(c.now)}, nil
}

func (c *call) listStreams() (any, error) {
	var in struct {
		MaxResults          *int
		NextToken           string
		StreamNameCondition *struct{ ComparisonOperator, ComparisonValue string }
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	limit := 10_000
	if in.MaxResults != nil {
		if limit = *in.MaxResults; limit < 1 || limit > 10_000 {
			return nil, constraint(strconv.Itoa(limit), "maxResults", "be between 1 and 10000")
		}
	}
	prefix := ""
	if in.StreamNameCondition != nil {
		if op := in.StreamNameCondition.ComparisonOperator; op != "" && op != "BEGINS_WITH" {
			return nil, constraint(op, "streamNameCondition.comparisonOperator", "satisfy enum value set: [BEGINS_WITH]")
		}
		prefix = in.StreamNameCondition.ComparisonValue
	}
	after, err := base64.StdEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, invalid("NextToken is invalid.")
	}
	return c.streams(prefix, string(after), limit), nil
}

// streams lists up to limit streams whose names begin with prefix and come behind after.
func (c *call) streams(prefix, after string, limit int) map[string]any {
	c.s.state.mu.Lock()
	all := maps.Clone(c.s.state.streams)
	c.s.state.mu.Unlock()
	list, token := []any{}, any(nil)
	last := after
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasPrefix(name, prefix) || name <= after {
			continue
		}
		if len(list) == limit {
			token = base64.StdEncoding.EncodeToString([]byte(last))
			break
		}
		st := all[name]
		st.mu.Lock()
		list = append(list, st.infoLocked(c.now))
		st.mu.Unlock()
		last = name
	}
	return map[string]any{"NextToken": token, "StreamInfoList": list}
}

// apiNames are what GetDataEndpoint takes.
var apiNames = []string{
	"PUT_MEDIA", "GET_MEDIA", "LIST_FRAGMENTS", "GET_MEDIA_FOR_FRAGMENT_LIST", "GET_HLS_STREAMING_SESSION_URL",
	"GET_DASH_STREAMING_SESSION_URL", "GET_CLIP", "GET_IMAGES",
}

func (c *call) getDataEndpoint() (any, error) {
	var in struct {
		which
		APIName string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !slices.Contains(apiNames, in.APIName) {
		return nil, constraint(in.APIName, "aPIName", "satisfy enum value set: ["+strings.Join(apiNames, ", ")+"]")
	}
	if err := c.aboutActive(in.which); err != nil {
		return nil, err
	}
	endpoint := "http://" + c.r.Host
	if c.plane.endpoint != nil {
		endpoint = c.plane.endpoint()
	}
	return map[string]any{"DataEndpoint": endpoint}, nil
}

func (c *call) updateDataRetention() (any, error) {
	var in struct {
		which
		CurrentVersion             string
		Operation                  string
		DataRetentionChangeInHours int
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	by := in.DataRetentionChangeInHours
	switch {
	case by < 1:
		return nil, constraint(strconv.Itoa(by), "dataRetentionChangeInHours", "have value greater than or equal to 1")
	case in.CurrentVersion == "":
		return nil, invalid("CurrentVersion must be specified.")
	case in.Operation == "DECREASE_DATA_RETENTION":
		by = -by
	case in.Operation != "INCREASE_DATA_RETENTION":
		return nil, constraint(in.Operation, "operation", "satisfy enum value set: [INCREASE_DATA_RETENTION, DECREASE_DATA_RETENTION]")
	}
	return nil, c.update(in.which, in.CurrentVersion, func(st *stream) error {
		hours := st.retention + by
		if hours < 0 || hours > maxRetention {
			return invalid("DataRetentionInHours would become %d: it must be between 0 and %d.", hours, maxRetention)
		}
		if gone := c.now.Add(-time.Duration(min(hours, st.retention)) * time.Hour); gone.After(st.forgotten) {
			st.forgotten = gone
		}
		st.retention = hours
		return nil
	})
}

func (c *call) updateStream() (any, error) {
	var in struct {
		which
		CurrentVersion        string
		DeviceName, MediaType *string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.CurrentVersion == "" {
		return nil, invalid("CurrentVersion must be specified.")
	}
	if in.MediaType != nil && !mediaType.MatchString(*in.MediaType) {
		return nil, constraint(*in.MediaType, "mediaType", `satisfy regular expression pattern: [\w\-\.\+]+/[\w\-\.\+]+`)
	}
	return nil, c.update(in.which, in.CurrentVersion, func(st *stream) error {
		if in.DeviceName != nil {
			st.device = *in.DeviceName
		}
		if in.MediaType != nil {
			st.mediaType = *in.MediaType
		}
		return nil
	})
}

func (c *call) tagStream() (any, error) {
	var in struct {
		which
		Tags map[string]string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.about(in.which); err != nil {
		return nil, err
	}
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	tags := maps.Clone(c.stream.tags)
	maps.Copy(tags, in.Tags)
	if len(tags) > 50 {
		return nil, refuse("TagsPerResourceExceededLimitException", "A stream can have up to 50 tags.")
	}
	c.stream.tags = tags
	return map[string]any{}, c.stream.saveLocked()
}

func (c *call) untagStream() (any, error) {
	var in struct {
		which
		TagKeyList []string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.about(in.which); err != nil {
		return nil, err
	}
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	for _, key := range in.TagKeyList {
		delete(c.stream.tags, key)
	}
	return map[string]any{}, c.stream.saveLocked()
}

func (c *call) listTagsForStream() (any, error) {
	var in which
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.about(in); err != nil {
		return nil, err
	}
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	return map[string]any{"NextToken": nil, "Tags": maps.Clone(c.stream.tags)}, nil
}
