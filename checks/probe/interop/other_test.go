package interop

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
)

// chown gives a folder to a user.
func chown(t *testing.T, dir, name string) {
	t.Helper()
	u, err := user.Lookup(name)
	require.NoError(t, err)
	uid, err := strconv.Atoi(u.Uid)
	require.NoError(t, err)
	require.NoError(t, os.Chown(dir, uid, -1))
}

func TestDante(t *testing.T) {
	path := find(t, "danted", "dante-server")
	asRoot(t, "dante")
	for method, want := range map[string]string{"none": "none", "username": "refused"} {
		t.Run(method, func(t *testing.T) {
			dir, port := workDir(t), freePort(t)
			conf := fill(t, dir, "danted.conf", map[string]string{"PORT": strconv.Itoa(port), "METHOD": method})
			start(t, []int{port}, path, "-f", conf)
			d, _ := details[*probe.SOCKS5](t, port)
			require.Equal(t, want, d.Method)
		})
	}
}

func TestRedis(t *testing.T) {
	path := find(t, "redis-server", "redis-server")
	for want, extra := range map[string][]string{"open": nil, "auth": {"--requirepass", "not-a-real-password"}} {
		t.Run(want, func(t *testing.T) {
			port := freePort(t)
			args := append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", workDir(t)}, extra...)
			start(t, []int{port}, path, args...)
			d, _ := details[*probe.Redis](t, port)
			require.Equal(t, want, d.Access)
		})
	}
}

func TestOpenSSH(t *testing.T) {
	path := find(t, "sshd", "openssh-server")
	keygen := find(t, "ssh-keygen", "openssh-client")
	asRoot(t, "sshd")
	require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // Debian's privilege separation folder, which its service would make
	dir, port := workDir(t), freePort(t)
	conf := fill(t, dir, "sshd_config", map[string]string{"DIR": dir, "PORT": strconv.Itoa(port)})
	hostKey := filepath.Join(dir, "host_ed25519")
	require.NoError(t, exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", hostKey).Run())
	start(t, []int{port}, path, "-D", "-e", "-f", conf)

	d, svc := details[*probe.SSH](t, port)
	require.Contains(t, d.Software, "OpenSSH_")
	require.Equal(t, "ssh-ed25519", d.KeyType)
	printed, err := exec.Command(keygen, "-l", "-f", hostKey+".pub").Output()
	require.NoError(t, err)
	require.Equal(t, strings.TrimPrefix(strings.Fields(string(printed))[1], "SHA256:"), d.KeySHA256, "as ssh-keygen prints it")
	require.Equal(t, 1, svc.Connections)
}
