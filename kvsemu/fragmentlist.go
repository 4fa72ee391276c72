package kvsemu

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// Limits of GetMediaForFragmentList (limits#archived-media).
const (
	listedFragments = 1000 // in one request
	listConnections = 5    // at once, for a stream
)

// matroska is the Content-Type of fragments, whatever their codecs.
const matroska = "video/webm"

func (c *call) getMediaForFragmentList() (any, error) {
	var in struct {
		which
		Fragments []string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.aboutActive(in.which); err != nil {
		return nil, err
	}
	if n := len(in.Fragments); n < 1 || n > listedFragments {
		return nil, constraint(strconv.Itoa(n)+" entries", "fragments", "have length between 1 and 1000")
	}
	uploads, err := c.lookUp(in.Fragments)
	if err != nil {
		return nil, err
	}
	if err := c.unsealed(); err != nil {
		return nil, err
	}
	leave, err := c.stream.enter("GetMediaForFragmentList", listConnections)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := c.points(len(uploads), 0); err != nil {
		return nil, err
	}
	return nil, c.sendListed(uploads)
}

// lookUp finds what has the fragment numbers. Numbers that the stream does not hold are refused.
func (c *call) lookUp(numbers []string) ([]int64, error) {
	held, _ := c.s.held(c.stream, c.now)
	var uploads []int64
	var unknown []string
	for _, n := range numbers {
		u, ok := c.stream.footage.numbered(n)
		if !ok || u < held.lo || u >= held.hi {
			unknown = append(unknown, n)
		}
		uploads = append(uploads, u)
	}
	if len(unknown) > 0 {
		return nil, invalid("Fragment numbers are invalid : [%s]", strings.Join(unknown, ", "))
	}
	return uploads, nil
}

// sendListed sends one document for each upload, in order.
func (c *call) sendListed(uploads []int64) error {
	size := int64(0)
	for _, u := range uploads {
		size += c.stream.footage.fragment(u).Size
	}
	c.mishap(size / 2) // sizes are an estimate; a break has to come before the end
	if err := c.beginMedia(); err != nil {
		return err
	}
	for _, u := range uploads {
		f := c.stream.footage.fragment(u)
		if c.stream.misses(f, c.s.LostFor) {
			if err := c.sendMissing(u, f); err != nil {
				return err
			}
			continue
		}
		if err := c.sendFragment(u, f, nil); err != nil {
			return err
		}
		c.log.Fragments++
	}
	return nil
}

// beginMedia sends the header of an answer of Matroska.
func (c *call) beginMedia() error {
	c.w.Header().Set("Content-Type", matroska)
	c.w.WriteHeader(http.StatusOK)
	return http.NewResponseController(c.w.ResponseWriter).Flush()
}

// sendFragment sends the document of an upload, which f describes, with more behind it.
func (c *call) sendFragment(u int64, f Fragment, more []byte) error {
	head, cluster, err := c.stream.footage.document(u)
	if err != nil {
		return err
	}
	return c.sendParts(head, c.fragmentTags(f), cluster, more)
}

// sendMissing tells inside the answer that a fragment is not to be had: a document without a cluster.
func (c *call) sendMissing(u int64, f Fragment) error {
	head, _, err := c.stream.footage.document(u)
	if err != nil {
		return err
	}
	missing := mkv.InBand{Code: "FRAGMENT_NOT_FOUND", ID: 4000, Number: f.Number, Message: "The fragment was not found."}
	return c.sendParts(head, mkv.AppendErrorTags(nil, missing, c.s.LongTagNames))
}

func (c *call) sendParts(parts ...[]byte) error {
	for _, part := range parts {
		if _, err := c.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// fragmentTags are the tags that the service puts before the cluster: with the names that were seen
// in answers of GetMedia, or with those of the API's description of GetMediaForFragmentList.
func (c *call) fragmentTags(f Fragment) []byte {
	if !c.s.LongTagNames {
		return mkv.AppendKVSTags(nil, f.Number, f.Server, f.Producer)
	}
	stamp := func(t time.Time) string { return fmt.Sprintf("%d.%03d", t.Unix(), t.Nanosecond()/1e6) }
	return mkv.AppendTags(nil, []mkv.Tag{
		{Name: "AWS_KINESISVIDEO_FRAGMENT_NUMBER", Value: f.Number},
		{Name: "AWS_KINESISVIDEO_SERVER_SIDE_TIMESTAMP", Value: stamp(f.Server)},
		{Name: "AWS_KINESISVIDEO_PRODUCER_SIDE_TIMESTAMP", Value: stamp(f.Producer)},
	})
}
