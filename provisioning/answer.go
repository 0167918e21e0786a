package provisioning

import (
	"encoding/json"
	"time"

	"sipward/internal/account"
)

func answerAAD(id account.ID, link string) string { return "answer/" + string(id) + "/" + link }

func (a *API) sealAnswer(id account.ID, link, key string, s secrets, now time.Time) (*account.Answer, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return &account.Answer{Link: link, Device: account.DeviceKey(key), Box: a.Answers.Seal(answerAAD(id, link), b), Until: now.Add(account.AnswerLife)}, nil
}

func (a *API) openAnswer(id account.ID, answer account.Answer, into *secrets) error {
	b, err := a.Answers.Open(answerAAD(id, answer.Link), answer.Box)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}
