package hub

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Reference is what a user typed: a repository, perhaps with a revision and a file or quantisation; or words to search for.
type Reference struct {
	Repo     string // "owner/name", or empty: Search counts
	Revision string // a branch, tag or commit; empty: the main branch
	File     string // path of a file in the repository; or empty
	Quant    string // "Q4_K_M"; or empty
	Search   string
}

// repoName is what a repository can be called. The hub takes no other names, and they make plain names of folders.
var repoName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$`)

func validRepo(name string) bool {
	return repoName.MatchString(name) && !strings.Contains(name, "..") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "./")
}

// Parse reads what a user typed: "owner/name", "owner/name:Q4_K_M", the address of a repository or of a file in one, or else
// words to search for.
func (c *Client) Parse(text string) Reference {
	text = strings.TrimSpace(text)
	if r, ok := c.parseAddress(text); ok {
		return r
	}
	name, quant, _ := strings.Cut(text, ":")
	if validRepo(name) && !strings.ContainsAny(quant, "/: ") {
		return Reference{Repo: name, Quant: quant}
	}
	return Reference{Search: text}
}

// parseAddress reads https://huggingface.co/owner/name, with or without https://, and with /tree/, /blob/ or /resolve/ of a
// revision and a file behind it; also those of the endpoint.
func (c *Client) parseAddress(text string) (Reference, bool) {
	host, rest, found := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, "https://"), "http://"), "/")
	host = strings.TrimPrefix(strings.ToLower(host), "www.")
	if !found || (host != "huggingface.co" && host != "hf.co" && host != c.endpoint.Host) {
		return Reference{}, false
	}
	rest, query, _ := strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "#")
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	for i, p := range parts {
		u, err := url.PathUnescape(p)
		if err != nil {
			return Reference{}, false
		}
		parts[i] = u
	}
	if len(parts) < 2 {
		return Reference{}, false
	}
	name, quant, _ := strings.Cut(parts[0]+"/"+parts[1], ":")
	if !validRepo(name) {
		return Reference{}, false
	}
	r := Reference{Repo: name, Quant: quant}
	if len(parts) >= 4 {
		switch parts[2] {
		case "tree", "blob", "resolve", "raw":
			if r.Revision = parts[3]; r.Revision == "main" {
				r.Revision = ""
			}
			if file := strings.Join(parts[4:], "/"); parts[2] != "tree" {
				r.File = file
			}
		}
	}
	if values, err := url.ParseQuery(query); err == nil && r.File == "" { // the pages link to a file's details so
		r.File = values.Get("show_file_info")
	}
	return r, true
}

// quantName finds the quantisation in a file's name: one or more capital words as llama.cpp's quantize tool names its types.
var quantName = regexp.MustCompile(`(?i)(?:^|[-._/])((?:UD-)?(?:I?Q[1-8]_(?:K(?:_(?:XXS|XS|S|M|L|XL))?|XXS|XS|S|M|L|XL|NL|[01])|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|BF16|F16|FP16|F32|FP32))(?:$|[-._/])`)

// quantOf returns the quantisation that a file's name, or its folder's, speaks of; or "".
func quantOf(file string) string {
	name := strings.TrimSuffix(path.Base(file), ".gguf")
	for _, s := range []string{name, path.Dir(file)} {
		quant := ""
		for s != "" { // the last one counts: model names may look like one
			m := quantName.FindStringSubmatchIndex(s)
			if m == nil {
				break
			}
			quant, s = s[m[2]:m[3]], s[m[3]:]
		}
		if quant != "" {
			quant = strings.ToUpper(quant)
			return strings.NewReplacer("FP16", "F16", "FP32", "F32").Replace(quant)
		}
	}
	return ""
}

// quantBits is about how many bits a weight has, by a quantisation's name; 0: not known.
func quantBits(quant string) int {
	q := strings.TrimPrefix(strings.TrimPrefix(quant, "UD-"), "I")
	switch {
	case strings.HasPrefix(q, "Q") && len(q) > 1:
		return int(q[1] - '0')
	case strings.HasPrefix(q, "TQ") && len(q) > 2:
		return int(q[2] - '0')
	case strings.HasPrefix(q, "MXFP4"), q == "NVFP4":
		return 4
	case q == "BF16", q == "F16":
		return 16
	case q == "F32":
		return 32
	}
	return 0
}
