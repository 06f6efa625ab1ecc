package probe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	dockerHeader  = "Api-Version: 1.43\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Docker/24.0.7 (linux)\r\n"
	dockerVersion = `{"Platform":{"Name":"Docker Engine - Community"},"Components":[],"Version":"24.0.7","ApiVersion":"1.43","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}`
	kubeVersion   = `{"major":"1","minor":"28","gitVersion":"v1.28.2","gitCommit":"89a4ea3","goVersion":"go1.20.8","platform":"linux/amd64"}`
	kubeRefusal   = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden: User \"system:anonymous\" cannot get path \"/\"","reason":"Forbidden","details":{},"code":403}`
)

func TestDocker(t *testing.T) {
	ping, version := raw("200 OK", dockerHeader, "OK"), raw("200 OK", dockerHeader, dockerVersion)
	root := raw("404 Not Found", dockerHeader, `{"message":"page not found"}`)
	full := &Docker{Version: "24.0.7", APIVersion: "1.43", OS: "linux"}
	for _, c := range []struct {
		name  string
		hint  string
		pages map[string]string
		asked []string
		want  *Docker
	}{
		{"on its port", "docker", map[string]string{pathPing: ping, pathVersion: version}, []string{pathPing, pathVersion}, full},
		{"elsewhere", "", map[string]string{"/": root, pathPing: ping, pathVersion: version}, []string{"/", pathPing, pathVersion}, full},
		{"without its Server header", "", map[string]string{"/": raw("404 Not Found", "Server: nginx\r\n", `{"message":"page not found"}`), pathPing: ping, pathVersion: version}, []string{"/", pathPing, pathVersion}, full},
		{"ping only", "docker", map[string]string{pathPing: ping}, []string{pathPing, pathVersion}, &Docker{APIVersion: "1.43", OS: "linux"}},
		{"a site on that port", "docker", map[string]string{"/": htmlPage("t")}, []string{pathPing, "/", "/favicon.ico"}, nil},
		{"some other OK", "docker", map[string]string{"/": htmlPage("t"), pathPing: raw("200 OK", "", "OK")}, []string{pathPing, "/", "/favicon.ico"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeWeb{pages: c.pages, other: notFound}
			d, err := f.ask(t, Options{}, hinted(c.hint))
			require.NoError(t, err)
			assert.Equal(t, c.asked, f.paths())
			if c.want == nil {
				assert.IsType(t, &HTTP{}, d)
				return
			}
			assert.Equal(t, c.want, d)
		})
	}
}

func TestKubernetes(t *testing.T) {
	version, refusal := raw("200 OK", jsonType, kubeVersion), raw("403 Forbidden", jsonType, kubeRefusal)
	open := &Kubernetes{Version: "v1.28.2", Platform: "linux/amd64", Access: "open"}
	kubelet := raw("401 Unauthorized", "Content-Type: text/plain\r\n", "Unauthorized")
	node := &TLS{Subject: "node-1@1700000000", Issuer: "node-1-ca@1700000000"}
	for _, c := range []struct {
		name  string
		hint  string
		tls   *TLS
		pages map[string]string
		asked []string
		want  *Kubernetes
	}{
		{"on its port", "kubernetes", nil, map[string]string{pathVersion: version}, []string{pathVersion}, open},
		{"elsewhere", "", nil, map[string]string{"/": refusal, pathVersion: version}, []string{"/", pathVersion}, open},
		{"open to all", "", nil, map[string]string{"/": raw("200 OK", jsonType, `{"paths":["/api","/apis"]}`), pathVersion: version}, []string{"/", pathVersion}, open},
		{"shut", "", nil, map[string]string{"/": refusal, pathVersion: refusal}, []string{"/", pathVersion}, &Kubernetes{Access: "auth"}},
		{"kubelet", "kubernetes", node, map[string]string{pathVersion: kubelet}, []string{pathVersion}, &Kubernetes{Access: "auth"}},
		{"kubelet with the cluster's certificate", "kubernetes", &TLS{Subject: "system:node:n1"}, map[string]string{pathVersion: kubelet}, []string{pathVersion}, &Kubernetes{Access: "auth"}},
		{"any log-in on that port", "kubernetes", &TLS{Subject: "a@b"}, map[string]string{"/": kubelet, pathVersion: kubelet}, []string{pathVersion, "/"}, nil},
		{"a site with a version", "kubernetes", nil, map[string]string{"/": htmlPage("t"), pathVersion: raw("200 OK", jsonType, `{"version":"1"}`)}, []string{pathVersion, "/", "/favicon.ico"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeWeb{pages: c.pages, other: notFound}
			d, err := f.ask(t, Options{}, func(s *Session) { s.hint, s.TLS = c.hint, c.tls })
			require.NoError(t, err)
			assert.Equal(t, c.asked, f.paths())
			if c.want == nil {
				assert.IsType(t, &HTTP{}, d)
				return
			}
			assert.Equal(t, c.want, d)
		})
	}
}

func FuzzEngines(f *testing.F) {
	for _, seed := range []string{dockerVersion, kubeVersion, kubeRefusal, `{"paths":["/api","/apis"]}`, `{"message":"page not found"}`, "null"} {
		f.Add(200, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, data []byte) {
		d := new(Docker)
		d.addVersion(data)
		if len(d.Version) > 512 || len(d.APIVersion) > 512 || len(d.OS) > 512 {
			t.Fatal("bounds")
		}
		if k := parseKubernetes(status, data); k != nil && (k.Access != "open" && k.Access != "auth" || len(k.Version) > 512) {
			t.Fatalf("%+v", k)
		}
		a := &answer{status: status, body: data}
		suggestsKubernetes(a)
		suggestsDocker(a)
	})
}
