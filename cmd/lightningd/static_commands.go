package main

import (
	"context"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/scb"
)

// staticCommands are about static backups.
func (n *node) staticCommands() []*command.Command {
	return []*command.Command{n.staticBackupCommand(), n.getEmergencyRecoverDataCommand(), n.emergencyRecoverCommand(), n.recoverChannelCommand()}
}

const staticLong = "A static backup has what never changes in a channel's life. It is enough to find the peer, to have it close the channel, and to claim our " +
	"balance; what was under way in HTLCs is lost. It does not get old as long as no channel is opened."

type staticBackupResult struct {
	SCB []command.Hex `json:"scb" doc:"An entry for each channel."`
}

func (n *node) staticBackupCommand() *command.Command {
	return command.New(command.Doc{
		Name: "staticbackup", Category: command.Channels, Short: "Static backups of all channels.", Long: staticLong,
		SeeAlso: []string{"recoverchannel", "emergencyrecover", "getemergencyrecoverdata"},
	}, func(context.Context, *struct{}) (*staticBackupResult, error) {
		entries, err := n.staticEntries()
		if err != nil {
			return nil, err
		}
		return &staticBackupResult{hexes(entries)}, nil
	})
}

func hexes(list [][]byte) []command.Hex {
	all := make([]command.Hex, len(list))
	for i, b := range list {
		all[i] = b
	}
	return all
}

type getEmergencyRecoverDataResult struct {
	FileData         command.Hex `json:"filedata" doc:"The file emergency.recover: encrypted, for this node's hsm_secret alone."`
	CanCreatePenalty bool        `json:"can_create_penalty" doc:"false: the file has no secrets of revoked commitments."`
	ChannelIDs       []string    `json:"backed_up_channel_ids" doc:"The channels in it."`
}

func (n *node) getEmergencyRecoverDataCommand() *command.Command {
	return command.New(command.Doc{
		Name: "getemergencyrecoverdata", Category: command.Channels, Short: "The content of the file emergency.recover.",
		Long:    "The file is written anew whenever a channel is opened or closed. " + staticLong,
		SeeAlso: []string{"emergencyrecover", "staticbackup"},
	}, func(context.Context, *struct{}) (*getEmergencyRecoverDataResult, error) {
		raw, entries, err := n.readEmergencyFile()
		if err != nil {
			return nil, rpc.Errorf(rpc.CodeFailed, "%v", err)
		}
		r := &getEmergencyRecoverDataResult{FileData: raw, ChannelIDs: []string{}}
		for _, e := range entries {
			c, err := scb.Decode(e)
			if err != nil {
				return nil, err
			}
			r.ChannelIDs = append(r.ChannelIDs, c.ChannelID.String())
		}
		return r, nil
	})
}

type stubsResult struct {
	Stubs []string `json:"stubs" doc:"channel_id of each channel that was taken up; those that the node knows are not."`
}

func (n *node) emergencyRecoverCommand() *command.Command {
	return command.New(command.Doc{
		Name: "emergencyrecover", Category: command.Channels, Short: "Take up the channels of the file emergency.recover, to have them closed.",
		Long: "For a node whose database is lost. Peers are connected and asked to close their channels; that depends on them. " +
			"Where the newest database is somewhere, use that instead. " + staticLong,
		SeeAlso: []string{"getemergencyrecoverdata", "recoverchannel", "listpeerchannels"},
	}, func(context.Context, *struct{}) (*stubsResult, error) {
		_, entries, err := n.readEmergencyFile()
		if err != nil {
			return nil, rpc.Errorf(rpc.CodeFailed, "%v", err)
		}
		return &stubsResult{n.insertStubs(entries)}, nil
	})
}

type recoverChannelParams struct {
	SCB []command.Hex `param:"scb" doc:"Static backups, from staticbackup."`
}

func (n *node) recoverChannelCommand() *command.Command {
	return command.New(command.Doc{
		Name: "recoverchannel", Category: command.Channels, Short: "Take up channels from their static backups, to have them closed.",
		Long:    "For a node whose database is lost. Peers are connected and asked to close their channels; that depends on them. " + staticLong,
		SeeAlso: []string{"staticbackup", "emergencyrecover", "listpeerchannels"},
	}, func(_ context.Context, p *recoverChannelParams) (*stubsResult, error) {
		var entries [][]byte
		for _, e := range p.SCB {
			if _, err := scb.Decode(e); err != nil {
				return nil, command.BadParam("scb", "%v", err)
			}
			entries = append(entries, e)
		}
		return &stubsResult{n.insertStubs(entries)}, nil
	})
}
