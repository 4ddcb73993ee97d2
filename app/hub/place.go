package hub

import (
	"fmt"
	"path/filepath"
	"strings"
)

// localPath makes a path below the models folder of a file's path in a repository. A name that would lead elsewhere, or that
// another system reads as something else, is refused, not mended: an honest repository has no such names.
func localPath(name string) (string, error) {
	bad := &Problem{Text: fmt.Sprintf("its file name %q can't be written to this machine's disk safely", clean(name, 100))}
	if len(name) > 1024 {
		return "", bad
	}
	parts := strings.Split(name, "/")
	if len(parts) > 4 { // deeper, Burble does not look for models
		return "", bad
	}
	for _, p := range parts {
		if p == "" || len(p) > 240 || strings.HasPrefix(p, ".") || strings.TrimRight(p, ". ") != p || strings.TrimSpace(p) != p {
			return "", bad
		}
		for _, r := range p {
			if r < ' ' || r == 0x7f || r == 0xfffd || strings.ContainsRune(`\:*?"<>|`, r) {
				return "", bad
			}
		}
		stem, _, _ := strings.Cut(strings.ToUpper(p), ".")
		switch stem { // devices of Windows
		case "CON", "PRN", "AUX", "NUL":
			return "", bad
		}
		if len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && stem[3] >= '0' && stem[3] <= '9' {
			return "", bad
		}
	}
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) {
		return "", bad
	}
	return local, nil
}

// Target returns where a file of a repository goes: below the models folder, by owner and name of the repository.
func Target(folder, repo, file string) (string, error) {
	if !validRepo(repo) {
		return "", fmt.Errorf("%q is no name of a repository", clean(repo, 100))
	}
	for _, p := range strings.Split(repo, "/") {
		if _, err := localPath(p); err != nil {
			return "", err
		}
	}
	local, err := localPath(file)
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, filepath.FromSlash(repo), local), nil
}
