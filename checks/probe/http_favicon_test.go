package probe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The hashes were computed with MurmurHash3's reference algorithm written out in Python (checked against its published vectors: "hello" is
// 0x248bfa47) over base64.encodebytes, by which internet search engines index icons.
func TestHashIcon(t *testing.T) {
	run := make([]byte, 256)
	for i := range run {
		run[i] = byte(i)
	}
	ico := append([]byte{0, 0, 1, 0}, make([]byte, 1146)...)
	for i := range 1146 {
		ico[4+i] = byte(i * 7)
	}
	for _, c := range []struct {
		icon []byte
		want int32
	}{
		{[]byte("icon"), 1355950459}, {run, -757223386}, {make([]byte, 57), 1993561383}, {make([]byte, 58), -1275236913}, {ico, 828747028},
	} {
		got := hashIcon(c.icon)
		require.NotNil(t, got)
		assert.Equal(t, c.want, got.MMH3)
	}
	assert.Equal(t, "aWNvbg==\n", string(mimeLines([]byte("icon"))))
	assert.Nil(t, hashIcon(nil))
	assert.Nil(t, hashIcon(make([]byte, maxIcon+1)))
}

func TestHTTPFavicon(t *testing.T) {
	icon := raw("200 OK", "Content-Type: image/x-icon\r\n", "icon")
	for _, c := range []struct {
		name  string
		pages map[string]string
		asked []string
		icon  bool
	}{
		{"by default", map[string]string{"/": htmlPage("x"), "/favicon.ico": icon}, []string{"/", "/favicon.ico"}, true},
		{"on a log-in page", map[string]string{"/": raw("401 Unauthorized", "Server: x\r\n"+htmlType, "x"), "/favicon.ico": icon}, []string{"/", "/favicon.ico"}, true},
		{"a page for every path", map[string]string{"/": htmlPage("x"), "/favicon.ico": htmlPage("x")}, []string{"/", "/favicon.ico"}, false},
		{"a page that says it is none", map[string]string{"/": htmlPage("x"), "/favicon.ico": raw("200 OK", "", " <!DOCTYPE html><p>")}, []string{"/", "/favicon.ico"}, false},
		{"missing", map[string]string{"/": htmlPage("x")}, []string{"/", "/favicon.ico"}, false},
		{"on another host", map[string]string{"/": htmlPage("<link rel=icon href=//cdn.example.org/i.ico>")}, []string{"/"}, false},
		{"in the page", map[string]string{"/": htmlPage("<link rel=icon href='data:image/png;base64,AAAA'>")}, []string{"/"}, false},
		{"under the base", map[string]string{"/": htmlPage("<base href=/a/><link rel=icon href=i>"), "/a/i": icon}, []string{"/", "/a/i"}, true},
		{"not of an error", map[string]string{"/": raw("503 Busy", "Server: x\r\n"+htmlType, "x"), "/favicon.ico": icon}, []string{"/"}, false},
		{"not of a text", map[string]string{"/": raw("200 OK", "Server: x\r\nContent-Type: text/plain\r\n", "x"), "/favicon.ico": icon}, []string{"/"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeWeb{pages: c.pages, other: notFound}
			d := f.mustHTTP(t, Options{})
			assert.Equal(t, c.asked, f.paths())
			assert.Equal(t, c.icon, d.Favicon != nil)
		})
	}
}
