package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// kept are the full names of the messages, fields, enums and calls that the stubs have.
type kept map[protoreflect.FullName]bool

// find follows calls to all that they need.
func find(files []protoreflect.FileDescriptor) (kept, error) {
	k, found := kept{}, 0
	for _, f := range files {
		for i := range f.Services().Len() {
			service := f.Services().Get(i)
			for _, name := range calls[string(service.FullName())] {
				call := service.Methods().ByName(protoreflect.Name(name))
				if call == nil {
					return nil, fmt.Errorf("service %s has no %s", service.FullName(), name)
				}
				k[call.FullName()] = true
				for _, m := range []protoreflect.MessageDescriptor{call.Input(), call.Output()} {
					if err := k.message(m); err != nil {
						return nil, err
					}
				}
			}
			if calls[string(service.FullName())] != nil {
				found++
			}
		}
	}
	if found != len(calls) {
		return nil, fmt.Errorf("lnd has %d services of the %d in calls", found, len(calls))
	}
	for name := range fields {
		if !k[protoreflect.FullName(name)] {
			return nil, fmt.Errorf("no call needs %s", name)
		}
	}
	return k, nil
}

// message keeps a message with its wanted fields, and what those are made of.
func (k kept) message(m protoreflect.MessageDescriptor) error {
	if k[m.FullName()] {
		return nil
	}
	k[m.FullName()] = true
	names := strings.Fields(fields[string(m.FullName())])
	if m.IsMapEntry() {
		names = []string{"key", "value"}
	}
	for _, name := range names {
		field := m.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return fmt.Errorf("message %s has no %s", m.FullName(), name)
		}
		k[field.FullName()] = true
		if enum := field.Enum(); enum != nil {
			k[enum.FullName()] = true
		}
		if of := field.Message(); of != nil {
			if err := k.message(of); err != nil {
				return err
			}
		}
	}
	return nil
}

// cut leaves of a file what is kept. All files are in one Go package; the names that lnd sees stay.
func (k kept) cut(f *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	f.Name, f.Options = proto.String(path.Base(f.GetName())), &descriptorpb.FileOptions{GoPackage: proto.String(goPackage)}
	for i, imported := range f.Dependency {
		f.Dependency[i] = path.Base(imported)
	}
	for _, s := range f.Service {
		s.Method = only(k, f.GetPackage()+"."+s.GetName(), s.Method)
	}
	f.Service = slices.DeleteFunc(f.Service, func(s *descriptorpb.ServiceDescriptorProto) bool { return len(s.Method) == 0 })
	f.MessageType, f.EnumType = k.cutMessages(f.GetPackage(), f.MessageType), only(k, f.GetPackage(), f.EnumType)
	return f
}

func (k kept) cutMessages(in string, messages []*descriptorpb.DescriptorProto) []*descriptorpb.DescriptorProto {
	messages = only(k, in, messages)
	for _, m := range messages {
		name := in + "." + m.GetName()
		m.Field, m.EnumType, m.NestedType = only(k, name, m.Field), only(k, name, m.EnumType), k.cutMessages(name, m.NestedType)
		m.ReservedRange, m.ReservedName = nil, nil
		cutOneofs(m)
	}
	return messages
}

// cutOneofs leaves of a message those that still have a field; a field names its own by its place.
func cutOneofs(m *descriptorpb.DescriptorProto) {
	old := m.OneofDecl
	m.OneofDecl = nil
	for i, oneof := range old {
		place := int32(len(m.OneofDecl))
		used := false
		for _, field := range m.Field {
			if field.OneofIndex != nil && field.GetOneofIndex() == int32(i) {
				field.OneofIndex, used = &place, true
			}
		}
		if used {
			m.OneofDecl = append(m.OneofDecl, oneof)
		}
	}
}

// only are those of a list that are kept.
func only[T interface{ GetName() string }](k kept, in string, list []T) []T {
	return slices.DeleteFunc(list, func(t T) bool { return !k[protoreflect.FullName(in+"."+t.GetName())] })
}
