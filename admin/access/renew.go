package access

import "sipward/internal/operator"

// Renew seals an operator's second factor anew under the newest root key and reports whether that was needed.
func (a *API) Renew(o *operator.Operator) (changed bool) {
	if o.Factor != nil {
		o.Factor.Secret, changed = a.Ring.Renew(factorUse(o.ID), o.Factor.Secret)
	}
	return changed
}
