//go:build linux

package secret

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// service is a Secret Service in memory: as much of https://specifications.freedesktop.org/secret-service/ as a keyring
// library uses, with one collection that is never locked.
type service struct {
	t     *testing.T
	conn  *dbus.Conn
	mu    sync.Mutex
	items map[dbus.ObjectPath]*item
	last  int
}

type item struct {
	s          *service
	path       dbus.ObjectPath
	attributes map[string]string
	secret     wireSecret
}

type wireSecret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

const (
	servicePath = dbus.ObjectPath("/org/freedesktop/secrets")
	loginPath   = servicePath + "/collection/login"
	noPrompt    = dbus.ObjectPath("/")
)

func (s *service) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant(""), servicePath + "/session/1", nil
}

func (s *service) Unlock(paths []dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	return paths, noPrompt, nil
}

// collection has the methods of the one collection.
type collection struct{ *service }

func (c collection) SearchItems(attributes map[string]string) ([]dbus.ObjectPath, *dbus.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := []dbus.ObjectPath{}
next:
	for path, i := range c.items {
		for k, v := range attributes {
			if i.attributes[k] != v {
				continue next
			}
		}
		found = append(found, path)
	}
	return found, nil
}

func (c collection) CreateItem(properties map[string]dbus.Variant, secret wireSecret, replace bool) (dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	attributes, _ := properties["org.freedesktop.Secret.Item.Attributes"].Value().(map[string]string)
	if old, _ := c.SearchItems(attributes); len(old) > 0 && replace {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.items[old[0]].secret = secret
		return old[0], noPrompt, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	i := &item{c.service, loginPath + dbus.ObjectPath("/i"+strings.Repeat("x", c.last)), attributes, secret}
	c.items[i.path] = i
	if err := c.conn.Export(i, i.path, "org.freedesktop.Secret.Item"); err != nil {
		c.t.Error(err)
	}
	return i.path, noPrompt, nil
}

func (i *item) GetSecret(dbus.ObjectPath) (wireSecret, *dbus.Error) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.secret, nil
}

func (i *item) Delete() (dbus.ObjectPath, *dbus.Error) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	delete(i.s.items, i.path)
	return noPrompt, nil
}

// session has the method that ends one.
type session struct{}

func (session) Close() *dbus.Error { return nil }

// TestSecretService holds the desktop's keyring, spoken to over a real bus, to what a keyring in memory is held to.
func TestSecretService(t *testing.T) {
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("there is no dbus-daemon")
	}
	// Unlike the configuration of sessions, this one starts no service, such as the keyring that this machine may have.
	config := filepath.Join(t.TempDir(), "bus.conf")
	if err := os.WriteFile(config, []byte(`<busconfig><type>session</type><listen>unix:dir=`+t.TempDir()+`</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(daemon, "--config-file="+config, "--nofork", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // with which the library's connection ends, too
		_ = cmd.Wait()
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Skipf("the bus does not start: %v", err)
	}
	address = strings.TrimSpace(address)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)

	dir := t.TempDir()
	if p := Open(dir).Where(); p.Keyring || p.Why != errNoService.Error() {
		t.Errorf("a bus without a keyring: %+v", p)
	}
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := &service{t: t, conn: conn, items: map[dbus.ObjectPath]*item{}}
	export := func(v any, path dbus.ObjectPath, name string) {
		if err := conn.Export(v, path, name); err != nil {
			t.Fatal(err)
		}
	}
	export(s, servicePath, "org.freedesktop.Secret.Service")
	export(session{}, servicePath+"/session/1", "org.freedesktop.Secret.Session")
	for _, path := range []dbus.ObjectPath{loginPath, servicePath + "/aliases/default"} {
		export(collection{s}, path, "org.freedesktop.Secret.Collection")
	}
	if _, err := prop.Export(conn, servicePath, prop.Map{"org.freedesktop.Secret.Service": {"Collections": {Value: []dbus.ObjectPath{loginPath}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(secretService, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}

	store := Open(dir)
	hold(t, store)
	if err := store.Set("kept", "value"); err != nil {
		t.Fatal(err)
	}
	if p := store.Where(); !p.Keyring {
		t.Errorf("%+v", p)
	}
	if v, err := Open(dir).Get("kept"); v != "value" || err != nil {
		t.Errorf("after a restart: %q, %v", v, err)
	}
	if len(s.items) != 1 {
		t.Errorf("%d items in the keyring", len(s.items))
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
		t.Errorf("there are files beside the keyring: %v", files)
	}
}
