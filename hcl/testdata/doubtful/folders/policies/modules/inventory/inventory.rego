package modgate
