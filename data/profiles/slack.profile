summary Slack, Teams, Mattermost: rooms of a company, their own directory and Downloads
program slack teams teams-for-linux mattermost-desktop rocketchat-desktop zulip
include chat
include electron
allow exec=?/opt
allow write=?${CONFIG}/Slack
allow write=?${CONFIG}/teams-for-linux
allow write=?${CONFIG}/Microsoft
allow write=?${CONFIG}/Mattermost
allow write=?${CONFIG}/Rocket.Chat
allow write=?${CONFIG}/Zulip
