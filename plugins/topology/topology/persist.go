package topology

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// layerStore is the file of the persistent layers: what layers are, as askrene-listlayers shows them. It is replaced
// as a whole.
type layerStore struct {
	path    string
	dirty   bool // what was learned is not written yet
	waiting bool // it will be, in a while
}

type layerFile struct {
	Layers []*layer `json:"layers"`
}

// openLayers reads the file, which need not be there yet.
func openLayers(path string) (*layerStore, []*layer, error) {
	s := &layerStore{path: path}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var file layerFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, nil, fmt.Errorf("%s: %w; it has what was learned of channels, and can be removed", path, err)
	}
	for _, l := range file.Layers {
		if l == nil {
			return nil, nil, fmt.Errorf("%s: a layer is null; the file can be removed", path)
		}
		l.complete()
	}
	return s, file.Layers, nil
}

// flush writes the file, if it does not have all.
func (s *layerStore) flush(layers []*layer) error {
	if !s.dirty {
		return nil
	}
	return s.write(layers)
}

func (s *layerStore) write(layers []*layer) error {
	keep := slices.DeleteFunc(slices.Clone(layers), func(l *layer) bool { return !l.Persistent })
	raw, err := json.Marshal(layerFile{some(keep)})
	if err != nil {
		return err
	}
	if err := replaceFile(s.path, raw); err != nil {
		return fmt.Errorf("write layers: %w", err)
	}
	s.dirty = false
	return nil
}

// replaceFile leaves the old content or the new, whatever happens meanwhile.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is not there any more where all went well
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
