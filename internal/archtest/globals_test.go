package archtest_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestNoPackageVariableChanges holds every package to constants and tables at its top: what is assigned, incremented,
// handed out by address or holds a lock belongs into a struct that somebody constructs.
func TestNoPackageVariableChanges(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("type-checks the whole module")
	}
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
		Dir:  "../..",
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 10 {
		t.Fatalf("only %d packages were loaded", len(pkgs))
	}
	for _, p := range pkgs {
		for _, e := range p.Errors {
			t.Errorf("%s: %v", p.PkgPath, e)
		}
		for _, f := range p.Syntax {
			globals(t, p, f)
		}
	}
}

func globals(t *testing.T, p *packages.Package, f *ast.File) {
	t.Helper()
	complain := func(e ast.Expr, how string) {
		if v := global(p, e); v != nil {
			at := p.Fset.Position(e.Pos())
			t.Errorf("%s:%d: the package variable %s %s: make it a field", at.Filename, at.Line, v.Name(), how)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					complain(e, "is assigned")
				}
			}
		case *ast.IncDecStmt:
			complain(n.X, "is counted")
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				complain(n.X, "is handed out by address")
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				complain(n.Key, "is assigned")
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				if v, ok := p.TypesInfo.Defs[name].(*types.Var); ok && v.Parent() == p.Types.Scope() && changing(v.Type()) {
					at := p.Fset.Position(name.Pos())
					t.Errorf("%s:%d: the package variable %s is of a type that only changes: make it a field", at.Filename, at.Line, v.Name())
				}
			}
		}
		return true
	})
}

// global is the variable at the root of an expression (x in x.y[z]) if it is one of this package's own top.
func global(p *packages.Package, e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.Ident:
			v, ok := p.TypesInfo.Uses[x].(*types.Var)
			if !ok || v.Parent() != p.Types.Scope() {
				return nil
			}
			return v
		default:
			return nil
		}
	}
}

// changing tells types that make no sense unless they change: locks, atomics, channels. A sync.Pool may be anywhere.
func changing(t types.Type) bool {
	if _, ok := t.Underlying().(*types.Chan); ok {
		return true
	}
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return false
	}
	path := named.Obj().Pkg().Path()
	return path == "sync/atomic" || path == "sync" && !strings.HasPrefix(named.Obj().Name(), "Pool")
}
