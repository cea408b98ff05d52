"""From the parts of a trained codec to the integer parts that code."""

from ..errors import AiwaveError
from ..models.entropy.base import EntropyModel
from ..models.entropy.context import ContextEntropy
from ..models.entropy.factorized import FactorizedEntropy
from ..models.transform.wavelet_transform import WaveletTransform
from .context_from_float import integer_context
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized, integer_factorized
from .integer_reversible import IntegerReversible
from .lifting_from_float import integer_reversible


def integer_model(model: EntropyModel) -> IntegerContext | IntegerFactorized:
    """Round a trained entropy model. Raises AiwaveError if it has no integer form."""
    try:
        if isinstance(model, ContextEntropy):
            return integer_context(model)
        if isinstance(model, FactorizedEntropy):
            return integer_factorized(model)
    except ValueError as error:
        raise AiwaveError(f"This entropy model cannot write files: {error}.") from error
    raise AiwaveError(
        f"Models of kind {model.kind} cannot write files: train with entropy=context_shared or factorized."
    )


def integer_transform(transform: WaveletTransform) -> IntegerReversible:
    """Round a trained transform for lossless coding. Raises AiwaveError if it has no integer form."""
    try:
        return integer_reversible(transform)
    except ValueError as error:
        raise AiwaveError(f"This transform cannot code losslessly: {error}.") from error
