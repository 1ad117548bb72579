"""A GAN: the model is the discriminator of real and generated images; a generator learns to deceive it."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from actbench.measure.data.splits import Batch, Source, Split, Splits
from actbench.measure.models.init import initialize, torch_default
from actbench.measure.sample_quality.coverage import Bins, class_shares, modes, uniform_divergence
from actbench.measure.sample_quality.fidelity import frechet_distance, kernel_distance
from actbench.measure.sample_quality.score import score_network
from actbench.measure.sparsity import hoyer, zero_share
from actbench.measure.streams import stream, stream_seed
from actbench.measure.trace import LayerTrace, evaluation_mode, trace, weights

_CHUNK = 1000  # images generated at once
_NUM_OBSERVED = 256  # latents behind the gradients in `observe`
_SHEET = (4, 8)  # rows and columns of images
_NUM_LEVELS = 16  # brightness levels of a sheet, so that its file has a few KB


class GAN:
    """Algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661), one step each, non-saturating loss (section 3).

    D(x) are logits and z ~ N(0, 1) latents. The discriminator lowers E softplus(−D(x)) + E softplus(D(G(z))), and then
    the generator lowers E softplus(−D(G(z))) on the same z. Images are scaled to [−1, 1], black to white.

    Args:
        model: The discriminator: (N, C, H, W) -> logits (N, 1).
        optimizer: Holds the discriminator's parameters.
        optimizer_of: Makes such an optimizer for the generator.
        clip_grad_norm: Largest norm of each network's gradient; None for no clipping.
        generator: Makes the generator from `latent_size` and `output_shape`. Its weights are drawn by torch's scheme
            from the stream `generator`, so they do not depend on the discriminator's activation and init.
        latent_size: Entries of z.
        source: The stored data set, for the score network.
        splits: The training images define the scale of pixels and the bins of NDB.
        num_classes: Classes of the data set.
        seed: Fixes the generator's weights and every z.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        optimizer_of: Callable[[nn.Module], torch.optim.Optimizer],
        clip_grad_norm: float | None,
        generator: Callable[..., nn.Module],
        latent_size: int,
        source: Source,
        splits: Splits,
        num_classes: int,
        seed: int,
    ) -> None:
        images = splits.train.examples().images
        self.latent_size, self.seed, self.latents = latent_size, seed, stream(seed, "latent")
        with torch.random.fork_rng(devices=[]):  # torch draws initial weights here, which `initialize` replaces
            network = generator(latent_size=latent_size, output_shape=images.shape[1:]).to(images.device)
        initialize(
            network,
            torch_default,
            generator=stream(seed, "generator"),
            gain=lambda layer: 1.0,
            inputs=lambda: self._evaluation_latents(_NUM_OBSERVED),
        )
        self.generator, self.discriminator = network, model
        # The tables list the layers of both under these names, in the order of execution.
        self.networks = nn.ModuleDict({"generator": self.generator, "discriminator": model})
        self.optimizers = (optimizer, optimizer_of(self.generator))
        self.clip_grad_norm, self.num_classes = clip_grad_norm, num_classes
        self.low, self.high = (f(images, dim=(0, 2, 3), keepdim=True) for f in (torch.amin, torch.amax))
        self.train_images = self._scaled(images)
        self.bins = Bins.fit(self.train_images, seed=stream_seed(seed, "sample"))
        self.score = score_network(source, device=images.device)
        self._reference_cache: tuple[Split | None, Tensor, float] = (None, torch.empty(0), math.nan)

    @staticmethod
    def num_outputs(num_classes: int) -> int:
        """One logit: real or generated."""
        return 1

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Update each network once and return their mean losses before it, ()."""
        real = self._scaled(batch.images)
        z = torch.randn(len(real), self.latent_size, generator=self.latents).to(real.device)
        generated = self.generator(z)
        on_real, on_generated = self.discriminator(real), self.discriminator(generated.detach())
        discriminator_loss = F.softplus(-on_real).mean() + F.softplus(on_generated).mean()
        self._update(self.optimizers[0], discriminator_loss)
        generator_loss = F.softplus(-self.discriminator(generated)).mean()
        self._update(self.optimizers[1], generator_loss)
        return {"discriminator_loss": discriminator_loss.detach(), "generator_loss": generator_loss.detach()}

    def evaluate(self, split: Split) -> dict[str, float]:
        """Compare generated images with the split's, the same number of each; z is the same at each call.

        `fld` and `kid` are distances of the score network's features, `fld_floor` is `fld` between training images and
        the split; `modes` and `class_kl` are of its predictions. All and `ndb` are missing if an image is not finite.
        """
        return self._quality(self._generate(len(split.labels)), split)

    def test(self, split: Split) -> tuple[dict[str, float], None]:
        """The evaluation: nothing is classified."""
        return self.evaluate(split), None

    def chance(self, split: Split) -> dict[str, float]:
        """The measures of a generator whose every image is the mean training image."""
        return self._quality(self.train_images.mean(0).expand(len(split.labels), -1, -1, -1), split)

    def observe(self) -> dict[str, float]:
        """Sparsity of the generator's gradients, and the score network's accuracy on real images.

        `input_grad_zero` and `input_grad_hoyer` (a mean over images) are of ∂D/∂x at generated x; `generator_grad_zero`
        and `generator_grad_hoyer` are of the gradient of the generator's loss at all of its parameters.
        """
        with evaluation_mode(self.networks), torch.enable_grad():
            generated = self.generator(self._evaluation_latents(_NUM_OBSERVED))
            logits = self.discriminator(generated)
            (at_images,) = torch.autograd.grad(logits.sum(), generated, retain_graph=True)
            loss, parameters = F.softplus(-logits).mean(), list(self.generator.parameters())
            at_parameters = torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])
        return {
            "input_grad_zero": zero_share(at_images).item(),
            "input_grad_hoyer": hoyer(at_images.flatten(1)).nanmean().item(),
            "generator_grad_zero": zero_share(at_parameters).item(),
            "generator_grad_hoyer": hoyer(at_parameters).item(),
            "score_accuracy": self.score.accuracy,
        }

    def weights(self) -> dict[nn.Module, Tensor]:
        """The weights before a step, for `trace` after it."""
        return weights(self.networks)

    def trace(self, batch: Batch, *, weights_before: dict[nn.Module, Tensor] | None) -> list[LayerTrace]:
        """A trace of every activation layer, the generator's first: L is the generator's loss on fixed z."""

        def loss() -> Tensor:
            return F.softplus(-self.discriminator(self.generator(self._evaluation_latents(len(batch.labels))))).sum()

        return trace(self.networks, loss, weights_before=weights_before)

    def picture(self) -> Tensor:
        """A sheet of generated images, (C, H, W) uint8; z is the same at each call and for each discriminator."""
        images = self._generate(math.prod(_SHEET)).nan_to_num(-1.0).add(1).div(2)
        padded = F.pad(images, (0, 1, 0, 1), value=0.5)  # a grey line right of and below each image
        sheet = padded.unflatten(0, _SHEET).permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
        return (sheet.mul(_NUM_LEVELS - 1).round() * (255 / (_NUM_LEVELS - 1))).to("cpu", torch.uint8)

    def state_dict(self) -> dict[str, Any]:
        optimizers = [optimizer.state_dict() for optimizer in self.optimizers]
        return {"networks": self.networks.state_dict(), "optimizers": optimizers, "latents": self.latents.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.networks.load_state_dict(state["networks"])
        for optimizer, optimizer_state in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(optimizer_state)
        self.latents.set_state(state["latents"])

    def _update(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=parameters)
        if self.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.clip_grad_norm)
        optimizer.step()

    @torch.no_grad()
    def _generate(self, count: int) -> Tensor:
        with evaluation_mode(self.networks):
            return torch.cat([self.generator(z) for z in self._evaluation_latents(count).split(_CHUNK)])

    def _evaluation_latents(self, count: int) -> Tensor:
        """The first z of the stream `sample`, the same at each call."""
        z = torch.randn(count, self.latent_size, generator=stream(self.seed, "sample"))
        return z.to(self.train_images.device)

    def _quality(self, images: Tensor, split: Split) -> dict[str, float]:
        if not images.isfinite().all():
            return dict.fromkeys(("fld", "fld_floor", "kid", "modes", "class_kl", "ndb"), math.nan)
        real_features, floor = self._reference(split)
        features, predicted = self.score(images)
        shares = class_shares(predicted, num_classes=self.num_classes)
        return {
            "fld": frechet_distance(features, real_features).item(),
            "fld_floor": floor,
            "kid": kernel_distance(features, real_features).item(),
            "modes": modes(shares),
            "class_kl": uniform_divergence(shares),
            "ndb": self.bins.share_different(images),
        }

    def _reference(self, split: Split) -> tuple[Tensor, float]:
        """Features of the split's images and the floor, cached for the last split, which is evaluated every epoch."""
        if self._reference_cache[0] is not split:
            features = self.score(self._scaled(split.examples().images)).features
            train_features = self.score(self.train_images[: len(features)]).features
            self._reference_cache = (split, features, frechet_distance(train_features, features).item())
        return self._reference_cache[1:]

    def _scaled(self, images: Tensor) -> Tensor:
        """Images with the training images' black at −1 and white at 1, per channel, standardised or not."""
        return (images - self.low) / (self.high - self.low) * 2 - 1
