package modgate.site

request := data.modgate.modules.loans.request
