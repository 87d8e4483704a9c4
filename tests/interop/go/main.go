// The other side of the interop tests, over go-tuf: a client that fetches a target, a repository
// maker, and the measured loop of bench/trust.
//
//	interop fetch ROOT METADATA-URL TARGETS-URL TARGET OUT
//	interop make DIR
//	interop bench ROOT STORE-DIR REPOSITORY-DIR TARGET ROUNDS
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func client(root []byte, metadataURL, targetsURL, dir string) *config.UpdaterConfig {
	c, err := config.New(metadataURL, root)
	check(err)
	c.RemoteTargetsURL = targetsURL
	c.LocalMetadataDir = dir
	c.LocalTargetsDir = dir
	return c
}

func fetch(args []string) {
	root, err := os.ReadFile(args[0])
	check(err)
	dir, err := os.MkdirTemp("", "interop")
	check(err)
	defer os.RemoveAll(dir)
	up, err := updater.New(client(root, args[1], args[2], dir))
	check(err)
	check(up.Refresh())
	info, err := up.GetTargetInfo(args[3])
	check(err)
	_, bytes, err := up.DownloadTarget(info, args[4], "")
	check(err)
	fmt.Printf("%d bytes\n", len(bytes))
}

type key struct {
	signer signature.Signer
	public *metadata.Key
}

func newKey(kind string) key {
	var private crypto.Signer
	var err error
	switch kind {
	case "ed25519":
		_, k, e := ed25519.GenerateKey(nil)
		private, err = k, e
	case "ecdsa":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	check(err)
	public, err := metadata.KeyFromPublicKey(private.Public())
	check(err)
	if k, ok := private.(*rsa.PrivateKey); ok {
		s, e := signature.LoadRSAPSSSigner(k, crypto.SHA256, &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256})
		check(e)
		return key{s, public}
	}
	hash := crypto.SHA256
	if kind == "ed25519" {
		hash = crypto.Hash(0)
	}
	s, err := signature.LoadSigner(private, hash)
	check(err)
	return key{s, public}
}

func write[T metadata.Roles](dir, name string, m *metadata.Metadata[T], keys ...key) {
	m.ClearSignatures()
	for _, k := range keys {
		_, err := m.Sign(k.signer)
		check(err)
	}
	check(m.ToFile(filepath.Join(dir, "metadata", name), true))
}

// makeRepository writes a repository with each kind of key, a rotated root and hash bins.
func makeRepository(dir string) {
	check(os.MkdirAll(filepath.Join(dir, "metadata"), 0o755))
	check(os.MkdirAll(filepath.Join(dir, "targets", "bins"), 0o755))
	expires := time.Now().UTC().AddDate(1, 0, 0).Truncate(time.Second)
	keys := map[string]key{"root": newKey("ed25519"), "next": newKey("rsa"), "targets": newKey("rsa"),
		"snapshot": newKey("ecdsa"), "timestamp": newKey("ed25519"), "bins": newKey("ecdsa")}
	root := metadata.Root(expires)
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		check(root.Signed.AddKey(keys[role].public, role))
	}
	write(dir, "1.root.json", root, keys["root"])
	check(root.Signed.RevokeKey(root.Signed.Roles["root"].KeyIDs[0], "root"))
	check(root.Signed.AddKey(keys["next"].public, "root"))
	root.Signed.Version = 2
	write(dir, "2.root.json", root, keys["root"], keys["next"])

	content := []byte("a file behind a hash bin of go-tuf\n")
	path := "bins/file.txt"
	info, err := metadata.TargetFile().FromBytes(path, content, "sha256")
	check(err)
	sum := sha256.Sum256(content)
	check(os.WriteFile(filepath.Join(dir, "targets", "bins", hex.EncodeToString(sum[:])+".file.txt"), content, 0o644))

	binsID, err := keys["bins"].public.ID()
	check(err)
	bins := &metadata.SuccinctRoles{KeyIDs: []string{binsID}, Threshold: 1, BitLength: 2, NamePrefix: "bin"}
	targets := metadata.Targets(expires)
	targets.Signed.Delegations = &metadata.Delegations{
		Keys: map[string]*metadata.Key{binsID: keys["bins"].public}, SuccinctRoles: bins}
	write(dir, "1.targets.json", targets, keys["targets"])
	snapshot := metadata.Snapshot(expires)
	holder := bins.GetRolesForTarget(path)[0].Name
	for _, name := range bins.GetRoles() {
		bin := metadata.Targets(expires)
		if name == holder {
			bin.Signed.Targets[path] = info
		}
		write(dir, "1."+name+".json", bin, keys["bins"])
		snapshot.Signed.Meta[name+".json"] = metadata.MetaFile(1)
	}
	write(dir, "1.snapshot.json", snapshot, keys["snapshot"])
	timestamp := metadata.Timestamp(expires)
	write(dir, "timestamp.json", timestamp, keys["timestamp"])
}

// files serves a repository directory without a network, so that only the client is measured.
type files map[string][]byte

func (f files) DownloadFile(address string, limit int64, _ time.Duration) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	bytes, found := f[filepath.Base(u.Path)]
	if !found {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: 404, URL: address}
	}
	if int64(len(bytes)) > limit {
		return nil, errors.New("too long")
	}
	return bytes, nil
}

func readFiles(dir string) files {
	out := files{}
	entries, err := os.ReadDir(dir)
	check(err)
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		bytes, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		check(err)
		out[entry.Name()] = bytes
	}
	return out
}

func cpu() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func bench(args []string) {
	root, err := os.ReadFile(args[0])
	check(err)
	store := readFiles(args[1])
	served := readFiles(filepath.Join(args[2], "metadata"))
	rounds, err := strconv.Atoi(args[4])
	check(err)
	dir, err := os.MkdirTemp("/dev/shm", "interop")
	check(err)
	defer os.RemoveAll(dir)
	var total time.Duration
	var before, after runtime.MemStats
	var mallocs, bytes uint64
	for i := 0; i < rounds; i++ {
		for name, content := range store {
			check(os.WriteFile(filepath.Join(dir, name), content, 0o644))
		}
		c := client(root, "http://localhost/metadata", "http://localhost/targets", dir)
		c.Fetcher = served
		runtime.ReadMemStats(&before)
		start := cpu()
		up, err := updater.New(c)
		check(err)
		check(up.Refresh())
		_, err = up.GetTargetInfo(args[3])
		check(err)
		total += cpu() - start
		runtime.ReadMemStats(&after)
		mallocs += after.Mallocs - before.Mallocs
		bytes += after.TotalAlloc - before.TotalAlloc
	}
	n := uint64(rounds)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"microseconds": float64(total.Microseconds()) / float64(rounds),
		"allocations":  mallocs / n, "bytes": bytes / n}))
}

func main() {
	if len(os.Args) == 7 && os.Args[1] == "fetch" {
		fetch(os.Args[2:])
	} else if len(os.Args) == 3 && os.Args[1] == "make" {
		makeRepository(os.Args[2])
	} else if len(os.Args) == 7 && os.Args[1] == "bench" {
		bench(os.Args[2:])
	} else {
		fmt.Fprintln(os.Stderr, "usage: interop fetch|make|bench ...")
		os.Exit(2)
	}
}
