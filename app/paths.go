package app

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"

	"burble/app/atomicfile"
)

// name is that of Burble's folders.
const name = "burble"

// Paths are the folders and files of the user's data.
type Paths struct {
	Data     string // chats, and models by default
	Config   string
	Cache    string // may be deleted at any time
	Chats    string // the database
	Settings string
	Models   string // the models folder where the settings name none

	downloads string // the list of downloads
}

// newPaths completes o's folders with those of the XDG base directory specification.
func newPaths(o Options) Paths {
	p := Paths{Data: o.DataDir, Config: o.ConfigDir, Cache: o.CacheDir}
	if p.Data == "" {
		p.Data = filepath.Join(xdg.DataHome, name)
	}
	if p.Config == "" {
		p.Config = filepath.Join(xdg.ConfigHome, name)
	}
	if p.Cache == "" {
		p.Cache = filepath.Join(xdg.CacheHome, name)
	}
	p.Chats = filepath.Join(p.Data, "chats.db")
	p.Settings = filepath.Join(p.Config, "settings.json")
	p.Models = filepath.Join(p.Data, "models")
	p.downloads = filepath.Join(p.Data, "downloads.json")
	return p
}

// makeFolders makes the folders for the user alone, as XDG asks for.
func (p Paths) makeFolders() error {
	for _, dir := range []string{p.Data, p.Config, p.Cache, p.Models} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making Burble's folder %s: %w", dir, err)
		}
	}
	return nil
}

// writeFile replaces the file at path in one step.
func writeFile(path string, data []byte) error { return atomicfile.Write(path, data) }

// setAside renames a damaged file, so that nothing is lost, and returns its new path.
func setAside(path, stamp string) (string, error) {
	aside := path + ".damaged-" + stamp
	for i := 2; ; i++ {
		if _, err := os.Lstat(aside); os.IsNotExist(err) {
			break
		}
		aside = fmt.Sprintf("%s.damaged-%s-%d", path, stamp, i)
	}
	return aside, os.Rename(path, aside)
}
