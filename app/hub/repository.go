package hub

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Found is a repository that a search found.
type Found struct {
	Repo      string
	Downloads int64 // in the last 30 days
	Likes     int64
	Gated     bool
}

// maxFound is how many results of a search are asked for.
const maxFound = 50

// Search looks for repositories of GGUF files, those downloaded most first.
func (c *Client) Search(ctx context.Context, words string) ([]Found, error) {
	var list []struct {
		ID        string `json:"id"`
		Downloads int64  `json:"downloads"`
		Likes     int64  `json:"likes"`
		Gated     flag   `json:"gated"`
	}
	query := url.Values{"filter": {"gguf"}, "search": {words}, "sort": {"downloads"}, "direction": {"-1"}, "limit": {strconv.Itoa(maxFound)}}
	if err := c.get(ctx, "", "/api/models", query, &list); err != nil {
		return nil, err
	}
	var found []Found
	for _, m := range list {
		if validRepo(m.ID) {
			found = append(found, Found{m.ID, m.Downloads, m.Likes, bool(m.Gated)})
		}
	}
	return found, nil
}

// flag is a JSON value that is false, or true, or the name of a way to be true.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	s := string(b)
	*f = flag(s != "false" && s != "null" && s != `""`)
	return nil
}

// File is a file of a repository.
type File struct {
	Path   string `json:"path"` // in the repository, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"` // in hexadecimal; empty: the hub does not say
}

// Model is a model of a repository: one file, or the parts of a split one.
type Model struct {
	Name  string // of the file, without .gguf and the number of the part
	Quant string // "Q4_K_M"; empty: the name does not say
	Parts []File // in order
	Err   string // why it can't be downloaded; or empty
}

// Size returns the bytes of all parts.
func (m Model) Size() int64 {
	n := int64(0)
	for _, p := range m.Parts {
		n += p.Size
	}
	return n
}

// Repository is what a repository holds for Burble.
type Repository struct {
	Name         string
	Revision     string // the commit that was listed
	Gated        bool
	Private      bool
	Licence      string  // as its author names it: "apache-2.0"; or empty
	Architecture string  // empty: not known
	Parameters   int64   // 0: not known
	Context      int64   // tokens that the model was trained for; 0: not known
	Models       []Model // the smallest first
}

// Repository lists what a repository holds at a revision; empty: the latest on the main branch.
func (c *Client) Repository(ctx context.Context, name, revision string) (Repository, error) {
	if !validRepo(name) {
		return Repository{}, &Problem{Text: fmt.Sprintf("%q is no name of a repository: it is written owner/name", clean(name, 100))}
	}
	var info struct {
		SHA      string   `json:"sha"`
		Gated    flag     `json:"gated"`
		Private  bool     `json:"private"`
		Disabled bool     `json:"disabled"`
		Tags     []string `json:"tags"`
		GGUF     struct {
			Total        int64  `json:"total"`
			Architecture string `json:"architecture"`
			Context      int64  `json:"context_length"`
		} `json:"gguf"`
		Siblings []struct {
			Name string `json:"rfilename"`
			Size int64  `json:"size"`
			LFS  *struct {
				SHA256 string `json:"sha256"`
				Size   int64  `json:"size"`
			} `json:"lfs"`
		} `json:"siblings"`
	}
	at := "/api/models/" + name
	if revision != "" {
		at += "/revision/" + url.PathEscape(revision)
	}
	if err := c.get(ctx, name, at, url.Values{"blobs": {"true"}}, &info); err != nil {
		return Repository{}, err
	}
	if info.Disabled {
		return Repository{}, &Problem{Text: fmt.Sprintf("the repository %s has been disabled by the hub", name), Page: c.Page(name)}
	}
	r := Repository{Name: name, Revision: info.SHA, Gated: bool(info.Gated), Private: info.Private,
		Architecture: clean(info.GGUF.Architecture, 40), Parameters: max(0, info.GGUF.Total), Context: max(0, info.GGUF.Context)}
	if !commit.MatchString(r.Revision) {
		r.Revision = cmp.Or(revision, "main") // a mirror that says no commit
	}
	for _, t := range info.Tags {
		if l, ok := strings.CutPrefix(t, "license:"); ok {
			r.Licence = clean(l, 40)
		}
	}
	var files []File
	for _, s := range info.Siblings {
		f := File{Path: s.Name, Size: s.Size}
		if s.LFS != nil {
			f.Size = cmp.Or(f.Size, s.LFS.Size)
			if sum := strings.ToLower(s.LFS.SHA256); checksum.MatchString(sum) {
				f.SHA256 = sum
			}
		}
		files = append(files, f)
	}
	r.Models = group(files)
	return r, nil
}

var (
	commit    = regexp.MustCompile(`^[0-9a-f]{40}$`)
	checksum  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	splitName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)
)

// maxSize is the most bytes a file can have that is believed to be one.
const maxSize = 1 << 44

// group makes models of files, and leaves out what is none by itself: projectors for pictures, importance matrices.
func group(files []File) []Model {
	var models []Model
	split := map[string]int{} // folder, name and number of parts: index in models
	for _, f := range files {
		base := path.Base(f.Path)
		lower := strings.ToLower(base)
		if !strings.HasSuffix(lower, ".gguf") || strings.Contains(lower, "mmproj") || strings.Contains(lower, "imatrix") {
			continue
		}
		m := splitName.FindStringSubmatch(base)
		if m == nil {
			models = append(models, Model{Name: clean(base[:len(base)-len(".gguf")], 200), Quant: quantOf(f.Path), Parts: []File{f}})
			continue
		}
		key := path.Dir(f.Path) + "/" + m[1] + "/" + m[3]
		i, ok := split[key]
		if !ok {
			i = len(models)
			split[key] = i
			models = append(models, Model{Name: clean(m[1], 200), Quant: quantOf(path.Join(path.Dir(f.Path), m[1]+".gguf"))})
		}
		models[i].Parts = append(models[i].Parts, f)
	}
	for i := range models {
		models[i].Err = check(&models[i])
	}
	slices.SortStableFunc(models, func(a, b Model) int { return cmp.Or(cmp.Compare(a.Size(), b.Size()), cmp.Compare(a.Name, b.Name)) })
	return models
}

// check puts the parts of a model in order, and says what is wrong with it.
func check(m *Model) string {
	slices.SortFunc(m.Parts, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	for _, p := range m.Parts {
		if _, err := localPath(p.Path); err != nil {
			return err.Error()
		}
		if p.Size <= 0 || p.Size > maxSize {
			return "the hub does not say how large it is"
		}
	}
	s := splitName.FindStringSubmatch(path.Base(m.Parts[0].Path))
	if s == nil {
		return ""
	}
	want, _ := strconv.Atoi(s[3]) // five digits
	for i, p := range m.Parts {
		if n, _ := strconv.Atoi(splitName.FindStringSubmatch(path.Base(p.Path))[2]); n != i+1 {
			return fmt.Sprintf("its part %d of %d is missing from the repository", i+1, want)
		}
	}
	if len(m.Parts) != want {
		return fmt.Sprintf("its part %d of %d is missing from the repository", len(m.Parts)+1, want)
	}
	return ""
}

// Choose finds the model that a reference names: by file, or by quantisation. It returns -1 where it names none, and an
// error where there is no such one.
func (r Repository) Choose(ref Reference) (int, error) {
	if len(r.Models) == 0 {
		return -1, &Problem{Text: fmt.Sprintf("the repository %s holds no GGUF files: look for a repository of the same name that ends in -GGUF", r.Name)}
	}
	if ref.File == "" && ref.Quant == "" {
		return -1, nil
	}
	for i, m := range r.Models {
		if ref.File != "" {
			if slices.ContainsFunc(m.Parts, func(f File) bool { return f.Path == ref.File }) {
				return i, nil
			}
			continue
		}
		if strings.EqualFold(m.Quant, ref.Quant) {
			return i, nil
		}
	}
	var there []string
	for _, m := range r.Models {
		if ref.Quant != "" && strings.Contains(strings.ToLower(m.Name), strings.ToLower(ref.Quant)) {
			return slices.IndexFunc(r.Models, func(o Model) bool { return o.Name == m.Name }), nil
		}
		there = append(there, cmp.Or(m.Quant, m.Name))
	}
	return -1, &Problem{Text: fmt.Sprintf("the repository %s holds no %s; there are %s", r.Name, cmp.Or(ref.File, ref.Quant), strings.Join(slices.Compact(there), ", "))}
}
