// Package prepares what Burble's packages are made of: a tree of files as they are installed on a Linux system, and the
// descriptions that package builders read. Name, id, version and icon come from FyneApp.toml, commands and options from the
// program itself, so none of them is written down twice.
//
//	go run ./assets/package stage -binary ./burble -out dist/stage
//	go run ./assets/package version
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// details are what FyneApp.toml says.
type details struct {
	Details struct {
		Icon, Name, ID, Version string
		Build                   int
	}
	LinuxAndBSD struct {
		GenericName, Comment string
		Categories, Keywords []string
	}
}

// release is what the templates are filled in with.
type release struct {
	Name, ID, Version, GenericName, Comment string
	Categories, Keywords                    []string
	Built                                   time.Time // of the commit, so that a package built twice is the same
	Commands                                []command
}

// Date is the day of the release, as AppStream writes it.
func (r release) Date() string { return r.Built.UTC().Format("2006-01-02") }

// List joins the elements of a desktop entry's list.
func (r release) List(items []string) string { return strings.Join(items, ";") + ";" }

// Quad is the version as Windows wants it: four numbers.
func (r release) Quad() string {
	parts := strings.SplitN(strings.SplitN(r.Version, "-", 2)[0], ".", 4)
	for len(parts) < 4 {
		parts = append(parts, "0")
	}
	return strings.Join(parts, ",")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: package stage|windows|mac|licences|sbom|version [options]")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	root := fs.String("root", ".", "the repository's `FOLDER`")
	binary := fs.String("binary", "burble", "the program that was built")
	out := fs.String("out", "dist/stage", "`FOLDER` to write to; for licences the file, for sbom the one to check")
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	r, err := read(*root)
	if err != nil {
		return err
	}
	switch args[0] {
	case "version":
		fmt.Println(r.Version)
		return nil
	case "stage":
		if r.Commands, err = commandsOf(*binary); err != nil {
			return err
		}
		return stage(*root, *binary, *out, r)
	case "windows":
		return windows(*root, *out, r)
	case "mac":
		return mac(*root, *binary, *out, r)
	case "licences":
		return licences(*root, *out)
	case "sbom":
		return checkBill(*binary, *out)
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// read reads FyneApp.toml of the repository at root.
func read(root string) (release, error) {
	var d details
	if _, err := toml.DecodeFile(filepath.Join(root, "FyneApp.toml"), &d); err != nil {
		return release{}, err
	}
	if d.Details.Name == "" || d.Details.ID == "" || d.Details.Version == "" {
		return release{}, errors.New("FyneApp.toml lacks the name, the id or the version")
	}
	built, err := buildTime(root)
	return release{
		Name: d.Details.Name, ID: d.Details.ID, Version: d.Details.Version,
		GenericName: d.LinuxAndBSD.GenericName, Comment: d.LinuxAndBSD.Comment,
		Categories: d.LinuxAndBSD.Categories, Keywords: d.LinuxAndBSD.Keywords,
		Built: built,
	}, err
}

// buildTime is SOURCE_DATE_EPOCH, or else the time of the last commit, or else that of FyneApp.toml. See
// https://reproducible-builds.org/specs/source-date-epoch/
func buildTime(root string) (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		out, err := exec.Command("git", "-C", root, "log", "-1", "--format=%ct").Output()
		if err != nil {
			info, err := os.Stat(filepath.Join(root, "FyneApp.toml"))
			if err != nil {
				return time.Time{}, err
			}
			return info.ModTime(), nil
		}
		epoch = strings.TrimSpace(string(out))
	}
	s, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q: %w", epoch, err)
	}
	return time.Unix(s, 0), nil
}

// write makes a file and the folders above it, with the time of the release.
func write(path string, data []byte, mode fs.FileMode, r release) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, data) {
		if err := os.WriteFile(path, data, mode); err != nil {
			return err
		}
	}
	return errors.Join(os.Chmod(path, mode), os.Chtimes(path, r.Built, r.Built))
}
