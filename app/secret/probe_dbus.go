//go:build !windows && !darwin

package secret

import (
	"context"
	"errors"
	"slices"

	"github.com/godbus/dbus/v5"
)

const secretService = "org.freedesktop.secrets"

var errNoService = errors.New("no keyring is running on this desktop")

// probe looks on the session bus for a secret service, running or startable. It starts no bus, which the keyring library
// would do where there is none.
func (system) probe(ctx context.Context) error {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx)) // the connection closes with ctx
	if err != nil {
		return errNoService
	}
	defer conn.Close()
	if err := conn.Auth(nil); err != nil {
		return errNoService
	}
	if err := conn.Hello(); err != nil {
		return errNoService
	}
	for _, list := range []string{"ListNames", "ListActivatableNames"} {
		var names []string
		if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus."+list, 0).Store(&names); err != nil {
			return errNoService
		}
		if slices.Contains(names, secretService) {
			return nil
		}
	}
	return errNoService
}
